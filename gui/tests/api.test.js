import assert from "node:assert/strict";
import { test } from "node:test";
import { Api } from "../data/api.js";
import { Lost, Refused, SignedOut } from "../data/errors.js";
import { Troubles } from "../data/troubles.js";
import { now, setPlatformTime } from "../rules/platform_time.js";

const session = { authorization: async () => "Bearer token", signOut() {} };
const answer = (body, { status = 200, tag } = {}) => new Response(status === 304 ? null : JSON.stringify(body), { status, headers: tag ? { ETag: tag } : {} });

/** An Api on a platform that answers by URL, and the list of its requests. */
function apiOn(platform) {
  const requests = [];
  const fetch = async (url, { headers }) => (requests.push({ url, headers }), platform(url, headers));
  return { api: new Api(session, fetch), requests };
}

test("an unchanged answer comes from the cache", async () => {
  const { api, requests } = apiOn((_, headers) => (headers["If-None-Match"] ? answer(null, { status: 304 }) : answer({ parties: [1] }, { tag: '"a"' })));

  assert.deepEqual(await api.get("/parties"), { parties: [1] });
  assert.deepEqual(await api.get("/parties"), { parties: [1] });
  assert.deepEqual(requests.map(({ headers }) => headers["If-None-Match"]), [undefined, '"a"']);
});

test("a list is loaded up to the wanted number of pages", async () => {
  const pages = { "/2": { items: [3, 4], next: "/3" }, "/3": { items: [5] } };
  const { api, requests } = apiOn((url) => answer(pages[url]));
  const first = { items: [1, 2], next: "/2" };

  assert.deepEqual(await api.collect(first, "items", 1), { items: [1, 2], next: "/2", pages: 1 });
  assert.deepEqual(await api.collect(first, "items", 2), { items: [1, 2, 3, 4], next: "/3", pages: 2 });
  assert.deepEqual(await api.collect(first, "items", 9), { items: [1, 2, 3, 4, 5], next: null, pages: 3 });
  assert.deepEqual(requests.map(({ url }) => url), ["/2", "/2", "/3"]);
});

test("a refusal, a lost connection and a missing session raise different errors", async () => {
  await assert.rejects(apiOn(() => answer({ detail: "no such party" }, { status: 404 })).api.get("/limits"), (error) => error instanceof Refused && error.status === 404 && error.message === "no such party");
  await assert.rejects(apiOn(() => Promise.reject(new TypeError("network"))).api.get("/limits"), Lost);
  await assert.rejects(apiOn(() => answer({}, { status: 401 })).api.get("/limits"), SignedOut);
});

test("an incomplete answer counts as lost and is not cached", async () => {
  let isCut = true;
  const { api, requests } = apiOn(() => (isCut ? new Response('{"parties": [', { headers: { ETag: '"a"' } }) : answer({ parties: [] }, { tag: '"a"' })));

  await assert.rejects(api.get("/parties"), Lost);
  isCut = false;
  assert.deepEqual(await api.get("/parties"), { parties: [] });
  assert.equal(requests[1].headers["If-None-Match"], undefined);
});

test("a platform that never answers counts as lost", async () => {
  const never = (_url, { signal }) => new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const keepAlive = setTimeout(() => {}, 1000);
  await assert.rejects(new Api(session, never).get("/changes", {}, { timeoutMs: 5 }), Lost);
  clearTimeout(keepAlive);
});

test("the worst trouble is a missing answer, then the oldest answer", () => {
  const troubles = new Troubles();
  const reported = [];
  troubles.watch((worst) => reported.push(worst?.since));
  const withdrawals = [troubles.add({ since: 20 }), troubles.add({ since: 10 }), troubles.add({ since: null })];
  for (const withdraw of withdrawals.reverse()) withdraw();
  assert.deepEqual(reported, [undefined, 20, 10, null, 10, 20, undefined]);
});

test("a wrong local clock is corrected by the platform's clock, a right clock is not", () => {
  const header = (ms) => new Date(Date.now() + ms).toUTCString();
  setPlatformTime(header(-3_600_000), Date.now());
  assert.ok(Math.abs(now() - Date.now() + 3_600_000) < 2_000);
  setPlatformTime(null, Date.now());
  assert.ok(now() < Date.now() - 3_500_000);
  setPlatformTime(header(0), Date.now());
  assert.ok(Math.abs(now() - Date.now()) < 50);
});

test("the answer of a waiting call may be dated at its start and does not set the clock back", () => {
  setPlatformTime(new Date(Date.now() - 20_000).toUTCString(), Date.now() - 20_000);
  assert.ok(Math.abs(now() - Date.now()) < 50);
});
