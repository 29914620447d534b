import assert from "node:assert/strict";
import { test } from "node:test";
import { Api } from "../data/api.js";
import { Lost, Refused, SignedOut } from "../data/errors.js";
import { challengeOf } from "../shell/oidc.js";
import { Session } from "../shell/session.js";
import { storageOf } from "../shell/storage.js";

const CODE = "c".repeat(43);
const answer = (status, body, headers = {}) => new Response(body === null ? null : JSON.stringify(body), { status, headers });

function memory(kept = {}) {
  const values = new Map(Object.entries(kept));
  return { getItem: (name) => values.get(name) ?? null, setItem: (name, value) => values.set(name, value), removeItem: (name) => values.delete(name), values };
}

/** A tab at an address, with what the server answers to each path. */
function tab({ hash = "", search = "", answers = {}, storage = memory(), now = () => 0 } = {}) {
  const asked = [];
  const location = { hash, search, pathname: "/gui/", origin: "http://host", assigned: null };
  const history = { replaceState: (_state, _title, url) => ((location.hash = ""), (location.search = ""), asked.push(`address ${url}`)) };
  const fetch = async (path, options) => {
    asked.push(path);
    const given = { "config.json": () => answer(200, { sign_in: "code" }), ...answers }[path];
    return given(options);
  };
  return { session: new Session({ storage, location, history, fetch, now }), asked, location, storage };
}

test("a code leaves the address before anything is asked for, and becomes a token", async () => {
  const { session, asked, location } = tab({ hash: `#sign-in=${CODE}`, answers: { session: () => answer(200, { token: "t1", expires_in_s: 900 }) } });
  await session.begin();
  assert.deepEqual(asked, ["address /gui/", "config.json", "session"]);
  assert.equal(location.hash, "");
  assert.equal(await session.authorization(), "Bearer t1");
});

test("a used code is told, and no token is held", async () => {
  const { session } = tab({ hash: `#sign-in=${CODE}`, answers: { session: () => answer(401, {}) } });
  await assert.rejects(session.begin(), (error) => error instanceof SignedOut && error.why === "code_failed");
  await assert.rejects(session.authorization(), SignedOut);
});

test("a token is renewed before it ends, once for all that ask, and lives in the tab's storage", async () => {
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

test("a session that is over is told, and nothing is kept", async () => {
  const storage = memory({ "tps-session": JSON.stringify({ token: "t1", renewal: "session", renew_at: 980, ends: 1000 }) });
  const { session } = tab({ storage, answers: { session: () => answer(401, {}) }, now: () => 990 });
  await session.begin();
  await assert.rejects(session.authorization(), (error) => error.why === "over");
  assert.equal(storage.values.size, 0);
});

test("a pasted token is used as it is", async () => {
  const { session } = tab();
  await assert.rejects(session.begin(), SignedOut);
  session.useToken("  Bearer abc \n");
  assert.equal(await session.authorization(), "Bearer abc");
});

test("PKCE's challenge is the one of RFC 7636, appendix B", async () => {
  assert.equal(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
});

test("OIDC leaves with a challenge and comes back with a token; another tab's answer is refused", async () => {
  const storage = memory();
  const config = { sign_in: "oidc", issuer: "https://issuer", client_id: "gui" };
  const found = () => answer(200, { issuer: "https://issuer", authorization_endpoint: "https://issuer/authorize", token_endpoint: "https://issuer/token" });
  const answers = {
    "config.json": () => answer(200, config),
    "https://issuer/.well-known/openid-configuration": found,
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

/** A tab that an issuer signed in at time 0, for `expires_in` seconds; `token` answers what is asked of the issuer then. */
async function signedIn({ token = () => answer(400, { error: "invalid_grant" }), expires_in = 300, found = {}, clock }) {
  const issuer = "https://issuer/realms/x";
  const storage = memory({ "tps-oidc": JSON.stringify({ verifier: "v", state: "s", back: "" }) });
  const forms = [];
  const answers = {
    "config.json": () => answer(200, { sign_in: "oidc", issuer, client_id: "gui", resource: "https://tps" }),
    [`${issuer}/.well-known/openid-configuration`]: () => answer(200, { issuer, authorization_endpoint: `${issuer}/auth`, token_endpoint: `${issuer}/token`, ...found }),
    [`${issuer}/token`]: ({ body }) => (forms.push(body), body.has("code") ? answer(200, { access_token: "t1", refresh_token: "r1", expires_in }) : token(body)),
    [`${issuer}/revoke`]: ({ body }) => (forms.push(body), answer(200, {})),
  };
  const { session, location } = tab({ storage, answers, search: "?code=x&state=s", now: () => clock.now });
  await session.begin();
  return { session, storage, forms, location };
}

test("a refresh token that is not replaced is used again, after half the life of a short token", async () => {
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

test("an issuer that refuses to renew ends the session; one that is away does not, until the token ends", async () => {
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

test("whoever signs out while a token is renewed stays signed out", async () => {
  const clock = { now: 0 };
  let signOut;
  const { session, storage } = await signedIn({ clock, token: () => (signOut(), answer(200, { access_token: "t2", expires_in: 300 })) });
  signOut = () => session.signOut();
  clock.now = 200_000;
  await assert.rejects(session.authorization(), SignedOut);
  assert.equal(storage.values.size, 0);
});

test("signing out gives the refresh token back, and the issuer asks anew who it is", async () => {
  const { session, storage, forms, location } = await signedIn({ clock: { now: 0 }, found: { revocation_endpoint: "https://issuer/realms/x/revoke" } });
  location.assign = (url) => (location.assigned = new URL(url));
  session.signOut();
  assert.equal(storage.values.size, 0);
  await session.beginOidc();
  assert.equal(location.assigned.searchParams.get("prompt"), "login");
  assert.equal(forms.at(-1).get("token"), "r1");
});

test("what has not changed is not sent again", async () => {
  const { session } = tab();
  session.useToken("t");
  const seen = [];
  const api = new Api(session, async (url, options) => {
    seen.push(options.headers["If-None-Match"]);
    return options.headers["If-None-Match"] ? answer(304, null) : answer(200, { limits: [1] }, { ETag: 'W/"a"' });
  });
  const first = await api.get("/limits", { party: ["1", undefined], from: "x" });
  assert.equal(await api.get("/limits", { party: ["1"], from: "x" }), first);
  assert.deepEqual(seen, [undefined, 'W/"a"']);
});

test("a refusal, a silence and the end of a session are three things", async () => {
  const { session } = tab();
  const api = (respond) => (session.useToken("t"), new Api(session, respond));
  await assert.rejects(api(async () => answer(403, { detail: "no business" })).get("/limits"), (error) => error instanceof Refused && error.status === 403);
  await assert.rejects(api(async () => { throw new TypeError("network"); }).get("/limits"), Lost);
  await assert.rejects(api(async () => answer(401, {})).get("/limits"), SignedOut);
  assert.equal(session.token, null);
});

test("a code is not lost while the platform is away, and is tried again", async () => {
  let isAway = true;
  const given = () => answer(isAway ? 503 : 200, { token: "t1", expires_in_s: 900 });
  const { session } = tab({ hash: `#sign-in=${CODE}`, answers: { session: given } });
  await assert.rejects(session.begin(), (error) => !(error instanceof SignedOut));
  isAway = false;
  await session.begin();
  assert.equal(session.token, "t1");
});

test("a token that was pasted broken over lines is taken, and what can be none is not", () => {
  const { session } = tab();
  session.useToken("  Bearer  ab\n cd\r\nef ");
  assert.equal(session.token, "abcdef");
  for (const none of ["t\u2192", "  ", "Bearer "]) assert.throws(() => session.useToken(none), (error) => error.why === "wrong");
});

test("where the browser may keep nothing, the page does", () => {
  const refused = () => {
    throw new Error("SecurityError");
  };
  const storage = storageOf(refused);
  storage.setItem("a", "b");
  assert.deepEqual([storage.getItem("a"), storage.getItem("c")], ["b", null]);
});
