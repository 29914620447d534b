import assert from "node:assert/strict";
import { test } from "node:test";
import { Api } from "../data/api.js";
import { Lost, Refused, SignedOut } from "../data/errors.js";
import { Troubles } from "../data/troubles.js";
import { hear, now } from "../rules/platform_time.js";

const session = { authorization: async () => "Bearer token", signOut() {} };
const answer = (body, { status = 200, tag } = {}) => new Response(status === 304 ? null : JSON.stringify(body), { status, headers: tag ? { ETag: tag } : {} });

/** An Api whose platform answers by address; it tells what it was asked. */
function asking(platform) {
  const asked = [];
  const fetch = async (url, { headers }) => (asked.push({ url, headers }), platform(url, headers));
  return { api: new Api(session, fetch), asked };
}

test("what has not changed is not sent again", async () => {
  const { api, asked } = asking((_, headers) => (headers["If-None-Match"] ? answer(null, { status: 304 }) : answer({ parties: [1] }, { tag: '"a"' })));

  assert.deepEqual(await api.get("/parties"), { parties: [1] });
  assert.deepEqual(await api.get("/parties"), { parties: [1] });
  assert.deepEqual(asked.map(({ headers }) => headers["If-None-Match"]), [undefined, '"a"']);
});

test("a list is followed for as many pages as were seen, and no further", async () => {
  const pages = { "/2": { items: [3, 4], next: "/3" }, "/3": { items: [5] } };
  const { api, asked } = asking((url) => answer(pages[url]));
  const first = { items: [1, 2], next: "/2" };

  assert.deepEqual(await api.collect(first, "items", 1), { items: [1, 2], next: "/2", pages: 1 });
  assert.deepEqual(await api.collect(first, "items", 2), { items: [1, 2, 3, 4], next: "/3", pages: 2 });
  assert.deepEqual(await api.collect(first, "items", 9), { items: [1, 2, 3, 4, 5], next: null, pages: 3 });
  assert.deepEqual(asked.map(({ url }) => url), ["/2", "/2", "/3"]);
});

test("no, nobody there, and not signed in are told apart", async () => {
  await assert.rejects(asking(() => answer({ detail: "no such party" }, { status: 404 })).api.get("/limits"), (error) => error instanceof Refused && error.status === 404 && error.message === "no such party");
  await assert.rejects(asking(() => Promise.reject(new TypeError("network"))).api.get("/limits"), Lost);
  await assert.rejects(asking(() => answer({}, { status: 401 })).api.get("/limits"), SignedOut);
});

test("an answer that is cut off is a lost one, and is not kept", async () => {
  let isCut = true;
  const { api, asked } = asking(() => (isCut ? new Response('{"parties": [', { headers: { ETag: '"a"' } }) : answer({ parties: [] }, { tag: '"a"' })));

  await assert.rejects(api.get("/parties"), Lost);
  isCut = false;
  assert.deepEqual(await api.get("/parties"), { parties: [] });
  assert.equal(asked[1].headers["If-None-Match"], undefined);
});

test("a platform that never answers is a lost one", async () => {
  const never = (_url, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const held = setTimeout(() => {}, 1000);
  await assert.rejects(new Api(session, never).get("/changes", {}, { patienceMs: 5 }), Lost);
  clearTimeout(held);
});

test("of what is old the oldest is told, and before all what never came", () => {
  const troubles = new Troubles();
  const seen = [];
  troubles.watch((worst) => seen.push(worst?.since));
  const forget = [troubles.add({ since: 20 }), troubles.add({ since: 10 }), troubles.add({ since: null })];
  for (const each of forget.reverse()) each();
  assert.deepEqual(seen, [undefined, 20, 10, null, 10, 20, undefined]);
});

test("a clock that is wrong here is set by the platform's, one that is right is let be", () => {
  const header = (ms) => new Date(Date.now() + ms).toUTCString();
  hear(header(-3_600_000), Date.now());
  assert.ok(Math.abs(now() - Date.now() + 3_600_000) < 2_000);
  hear(null, Date.now());
  assert.ok(now() < Date.now() - 3_500_000);
  hear(header(0), Date.now());
  assert.ok(Math.abs(now() - Date.now()) < 50);
});

test("an answer that waited for news may be dated at its beginning, and sets no clock back", () => {
  hear(new Date(Date.now() - 20_000).toUTCString(), Date.now() - 20_000);
  assert.ok(Math.abs(now() - Date.now()) < 50);
});
