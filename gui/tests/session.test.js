import assert from "node:assert/strict";
import { test } from "node:test";
import { Api } from "../data/api.js";
import { Lost, Refused, SignedOut } from "../data/errors.js";
import { challengeOf } from "../shell/oidc.js";
import { Session } from "../shell/session.js";
import { storageOf } from "../shell/storage.js";

const CODE = "c".repeat(43);
const answer = (status, body, headers = {}) => new Response(body === null ? null : JSON.stringify(body), { status, headers });

function memory(initial = {}) {
  const values = new Map(Object.entries(initial));
  return { getItem: (name) => values.get(name) ?? null, setItem: (name, value) => values.set(name, value), removeItem: (name) => values.delete(name), values };
}

/** A tab at an address, with the server's answers by path. */
function tab({ hash = "", search = "", answers = {}, storage = memory(), now = () => 0 } = {}) {
  const requests = [];
  const location = { hash, search, pathname: "/gui/", origin: "http://host", assigned: null };
  const history = { replaceState: (_state, _title, url) => ((location.hash = ""), (location.search = ""), requests.push(`address ${url}`)) };
  const fetch = async (path, options) => {
    requests.push(path);
    const answerOf = { "config.json": () => answer(200, { sign_in: "code" }), ...answers }[path];
    return answerOf(options);
  };
  return { session: new Session({ storage, location, history, fetch, now }), requests, location, storage };
}

test("a code leaves the address before the first request and is exchanged for a token", async () => {
  const { session, requests, location } = tab({ hash: `#sign-in=${CODE}`, answers: { session: () => answer(200, { token: "t1", expires_in_s: 900 }) } });
  await session.begin();
  assert.deepEqual(requests, ["address /gui/", "config.json", "session"]);
  assert.equal(location.hash, "");
  assert.equal(await session.authorization(), "Bearer t1");
});

test("a used code is refused and gives no token", async () => {
  const { session } = tab({ hash: `#sign-in=${CODE}`, answers: { session: () => answer(401, {}) } });
  await assert.rejects(session.begin(), (error) => error instanceof SignedOut && error.why === "code_failed");
  await assert.rejects(session.authorization(), SignedOut);
});

test("a token is renewed once before it expires and is kept in the tab's storage", async () => {
  let renewals = 0;
  let clock = 0;
  const renew = (options) => (JSON.parse(options.body).code ? answer(200, { token: "t1", expires_in_s: 900 }) : (renewals++, answer(200, { token: "t2", expires_in_s: 900 })));
  const { session, storage } = tab({ hash: `#sign-in=${CODE}`, answers: { session: renew }, now: () => clock });
  await session.begin();
  clock = 850_000;
  assert.deepEqual(await Promise.all([session.authorization(), session.authorization()]), ["Bearer t2", "Bearer t2"]);
  assert.equal(renewals, 1);
  assert.equal(JSON.parse(storage.getItem("tps-session")).token, "t2");
});

test("an expired session is reported and nothing is kept", async () => {
  const storage = memory({ "tps-session": JSON.stringify({ token: "t1", renewal: "session", renew_at: 980, ends: 1000 }) });
  const { session } = tab({ storage, answers: { session: () => answer(401, {}) }, now: () => 990 });
  await session.begin();
  await assert.rejects(session.authorization(), (error) => error.why === "over");
  assert.equal(storage.values.size, 0);
});

test("a pasted token is used", async () => {
  const { session } = tab();
  await assert.rejects(session.begin(), SignedOut);
  session.useToken("  Bearer abc \n");
  assert.equal(await session.authorization(), "Bearer abc");
});

test("the PKCE challenge matches RFC 7636, appendix B", async () => {
  assert.equal(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
});

test("an OIDC sign-in sends a challenge and returns with a token; the answer for another tab is refused", async () => {
  const storage = memory();
  const config = { sign_in: "oidc", issuer: "https://issuer", client_id: "gui" };
  const metadata = () => answer(200, { issuer: "https://issuer", authorization_endpoint: "https://issuer/authorize", token_endpoint: "https://issuer/token" });
  const answers = {
    "config.json": () => answer(200, config),
    "https://issuer/.well-known/openid-configuration": metadata,
    "https://issuer/token": async (options) => answer(200, { access_token: `for ${options.body.get("code")}`, expires_in: 300, refresh_token: "r" }),
  };
  const first = tab({ storage, answers, hash: "#limits" });
  await assert.rejects(first.session.begin(), SignedOut);
  first.location.assign = (url) => (first.location.assigned = new URL(url));
  await first.session.beginOidc();
  const sent = first.location.assigned.searchParams;
  const kept = JSON.parse(storage.getItem("tps-oidc"));
  assert.equal(sent.get("code_challenge"), await challengeOf(kept.verifier));
  assert.equal(sent.get("redirect_uri"), "http://host/gui/");

  assert.equal(sent.get("prompt"), null);

  const issued = `code=x&state=${sent.get("state")}`;
  for (const search of ["?code=x&state=other", `?${issued}&iss=https://other`]) {
    const wrong = tab({ storage: memory({ "tps-oidc": JSON.stringify(kept) }), answers, search });
    await assert.rejects(wrong.session.begin(), (error) => error.why === "oidc_failed" && error.detail.why === "stranger");
  }

  const back = tab({ storage, answers, search: `?${issued}` });
  await back.session.begin();
  assert.equal(await back.session.authorization(), "Bearer for x");
  assert.equal(back.location.hash, "#limits");
  assert.equal(storage.getItem("tps-oidc"), null);
});

/** A tab with an OIDC session from time 0, valid for `expires_in` seconds; `token` answers later token requests. */
async function signedIn({ token = () => answer(400, { error: "invalid_grant" }), expires_in = 300, metadata = {}, clock }) {
  const issuer = "https://issuer/realms/x";
  const storage = memory({ "tps-oidc": JSON.stringify({ verifier: "v", state: "s", back: "" }) });
  const forms = [];
  const answers = {
    "config.json": () => answer(200, { sign_in: "oidc", issuer, client_id: "gui", resource: "https://tps" }),
    [`${issuer}/.well-known/openid-configuration`]: () => answer(200, { issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token`, ...metadata }),
    [`${issuer}/token`]: ({ body }) => (forms.push(body), body.has("code") ? answer(200, { access_token: "t1", refresh_token: "r1", expires_in }) : token(body)),
    [`${issuer}/revoke`]: ({ body }) => (forms.push(body), answer(200, {})),
  };
  const { session, location } = tab({ storage, answers, search: "?code=x&state=s", now: () => clock.now });
  await session.begin();
  return { session, storage, forms, location };
}

test("a refresh token without a replacement is used again, after half the lifetime of a short token", async () => {
  const clock = { now: 0 };
  const { session, forms } = await signedIn({ clock, expires_in: 60, token: () => answer(200, { access_token: `t${forms.length}`, expires_in: 60 }) });
  clock.now = 29_000;
  assert.equal(await session.authorization(), "Bearer t1");
  clock.now = 31_000;
  assert.equal(await session.authorization(), "Bearer t2");
  clock.now = 62_000;
  assert.equal(await session.authorization(), "Bearer t3");
  assert.deepEqual(forms.map((form) => [form.get("refresh_token"), form.get("resource"), form.get("client_id")]), [[null, "https://tps", "gui"], ["r1", "https://tps", "gui"], ["r1", "https://tps", "gui"]]);
});

test("an issuer that refuses a renewal ends the session; an unreachable issuer does not, until the token expires", async () => {
  const clock = { now: 0 };
  const refused = await signedIn({ clock });
  const away = await signedIn({ clock, token: () => answer(503, {}) });
  clock.now = 200_000;
  await assert.rejects(refused.session.authorization(), (error) => error.why === "over");
  assert.equal(refused.storage.values.size, 0);
  assert.equal(await away.session.authorization(), "Bearer t1");
  clock.now = 301_000;
  await assert.rejects(new Api(away.session, async () => answer(200, {})).get("/limits"), Lost);
});

test("a sign-out during a renewal is final", async () => {
  const clock = { now: 0 };
  let signOut;
  const { session, storage } = await signedIn({ clock, token: () => (signOut(), answer(200, { access_token: "t2", expires_in: 300 })) });
  signOut = () => session.signOut();
  clock.now = 200_000;
  await assert.rejects(session.authorization(), SignedOut);
  assert.equal(storage.values.size, 0);
});

test("a sign-out revokes the refresh token, and the next sign-in asks for the account", async () => {
  const { session, storage, forms, location } = await signedIn({ clock: { now: 0 }, metadata: { revocation_endpoint: "https://issuer/realms/x/revoke" } });
  location.assign = (url) => (location.assigned = new URL(url));
  session.signOut();
  assert.equal(storage.values.size, 0);
  await session.beginOidc();
  assert.equal(location.assigned.searchParams.get("prompt"), "login");
  assert.equal(forms.at(-1).get("token"), "r1");
});

test("an unchanged answer comes from the cache, whatever empty parameters the query has", async () => {
  const { session } = tab();
  session.useToken("t");
  const tags = [];
  const api = new Api(session, async (url, options) => {
    tags.push(options.headers["If-None-Match"]);
    return options.headers["If-None-Match"] ? answer(304, null) : answer(200, { limits: [1] }, { ETag: 'W/"a"' });
  });
  const first = await api.get("/limits", { party: ["1", undefined], from: "x" });
  assert.equal(await api.get("/limits", { party: ["1"], from: "x" }), first);
  assert.deepEqual(tags, [undefined, 'W/"a"']);
});

test("a refusal, a lost connection and an expired session raise different errors", async () => {
  const { session } = tab();
  const api = (respond) => (session.useToken("t"), new Api(session, respond));
  await assert.rejects(api(async () => answer(403, { detail: "no business" })).get("/limits"), (error) => error instanceof Refused && error.status === 403);
  await assert.rejects(api(async () => { throw new TypeError("network"); }).get("/limits"), Lost);
  await assert.rejects(api(async () => answer(401, {})).get("/limits"), SignedOut);
  assert.equal(session.token, null);
});

test("a code is kept and retried while the platform is unreachable", async () => {
  let isAway = true;
  const exchange = () => answer(isAway ? 503 : 200, { token: "t1", expires_in_s: 900 });
  const { session } = tab({ hash: `#sign-in=${CODE}`, answers: { session: exchange } });
  await assert.rejects(session.begin(), (error) => !(error instanceof SignedOut));
  isAway = false;
  await session.begin();
  assert.equal(session.token, "t1");
});

test("a token pasted with line breaks is accepted, an impossible token is not", () => {
  const { session } = tab();
  session.useToken("  Bearer  ab\n cd\r\nef ");
  assert.equal(session.token, "abcdef");
  for (const invalid of ["t\u2192", "  ", "Bearer "]) assert.throws(() => session.useToken(invalid), (error) => error.why === "wrong");
});

test("without browser storage, values are kept in memory", () => {
  const refused = () => {
    throw new Error("SecurityError");
  };
  const storage = storageOf(refused);
  storage.setItem("a", "b");
  assert.deepEqual([storage.getItem("a"), storage.getItem("c")], ["b", null]);
});
