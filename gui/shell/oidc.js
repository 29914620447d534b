// Signing in by an OIDC issuer: Authorization Code with PKCE (RFC 7636), for a client that keeps no secret.

const KEY = "tps-oidc";

/** It came to nothing; `why` names one of the texts, `said` is what the issuer said to it. */
export class OidcFailed extends Error {
  constructor(why, said = "") {
    super(`${why} ${said}`.trim());
    this.why = why;
    this.said = said;
  }
}

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** The challenge of a verifier: BASE64URL(SHA256(verifier)). */
export async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** Leave for the issuer's page; where we were is kept in this tab. `isAnew` lets the issuer ask who it is. */
export async function beginOidc(config, isAnew, { storage, location, fetch }) {
  if (!globalThis.crypto?.subtle) throw new OidcFailed("insecure");
  const { authorization_endpoint } = await discovered(config, fetch);
  const kept = { verifier: random(), state: random(), back: location.hash };
  storage.setItem(KEY, JSON.stringify(kept));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: config.client_id,
    redirect_uri: location.origin + location.pathname,
    scope: config.scope ?? "openid",
    state: kept.state,
    code_challenge: await challengeOf(kept.verifier),
    code_challenge_method: "S256",
    ...resourceOf(config),
    ...(isAnew ? { prompt: "login" } : {}),
  });
  location.assign(`${authorization_endpoint}?${query}`);
}

/** A token for the code that the issuer sent back. */
export async function finishOidc(config, answer, { storage, location, fetch }) {
  const kept = JSON.parse(storage.getItem(KEY) ?? "null");
  storage.removeItem(KEY);
  // RFC 9207: an issuer that names itself must be the one that was asked.
  const isOurs = kept && answer.get("state") === kept.state && (answer.get("iss") ?? config.issuer) === config.issuer;
  if (!isOurs) throw new OidcFailed("stranger");
  if (answer.has("error")) throw new OidcFailed("refused", answer.get("error_description") ?? answer.get("error"));
  const held = await tokenFor(config, fetch, {
    grant_type: "authorization_code",
    code: answer.get("code"),
    redirect_uri: location.origin + location.pathname,
    code_verifier: kept.verifier,
  });
  if (kept.back) location.hash = kept.back;
  return held;
}

/** The next token, by the refresh token of the last; which stays, where no other comes (RFC 6749, 6). */
export async function renewOidc(config, held, fetch) {
  const next = await tokenFor(config, fetch, { grant_type: "refresh_token", refresh_token: held.renewal });
  return { ...next, renewal: next.renewal ?? held.renewal };
}

/** Give the refresh token back (RFC 7009), to an issuer that takes it. */
export async function revokeOidc(config, held, fetch) {
  const { revocation_endpoint } = await discovered(config, fetch);
  const form = { token: held.renewal, token_type_hint: "refresh_token", client_id: config.client_id };
  if (revocation_endpoint) await posted(revocation_endpoint, form, fetch);
}

async function discovered(config, fetch) {
  const answer = await fetch(`${config.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`).catch(away);
  if (!answer.ok) throw new OidcFailed("away", `status ${answer.status}`);
  const found = await answer.json();
  if (found.issuer !== config.issuer) throw new OidcFailed("other", found.issuer);
  return found;
}

async function tokenFor(config, fetch, form) {
  const { token_endpoint } = await discovered(config, fetch);
  const answer = await posted(token_endpoint, { ...form, client_id: config.client_id, ...resourceOf(config) }, fetch);
  const given = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const said = given.error_description ?? given.error ?? `status ${answer.status}`;
    throw new OidcFailed(answer.status < 500 ? "refused" : "away", said);
  }
  return { token: given.access_token, renewal: given.refresh_token ?? null, expires_in_s: given.expires_in ?? 300 };
}

const posted = (url, form, fetch) =>
  fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form),
  }).catch(away);

const resourceOf = (config) => (config.resource ? { resource: config.resource } : {});

function away() {
  throw new OidcFailed("away");
}
