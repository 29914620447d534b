// Sign-in at an OIDC issuer: Authorization Code with PKCE (RFC 7636), for a public client.

const KEY = "tps-oidc";

/** The sign-in failed: `why` names one of the texts, `answer` is the issuer's error text. */
export class OidcFailed extends Error {
  constructor(why, answer = "") {
    super(`${why} ${answer}`.trim());
    this.why = why;
    this.answer = answer;
  }
}

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** Return the challenge of a verifier: BASE64URL(SHA256(verifier)). */
export async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** Go to the issuer's page; this tab remembers the current view. With `mustAskAccount` the issuer asks for the account. */
export async function beginOidc(config, mustAskAccount, { storage, location, fetch }) {
  if (!globalThis.crypto?.subtle) throw new OidcFailed("insecure");
  const { authorization_endpoint } = await discover(config, fetch);
  const pending = { verifier: random(), state: random(), back: location.hash };
  storage.setItem(KEY, JSON.stringify(pending));
  const query = new URLSearchParams({
    response_type: "code",
    client_id: config.client_id,
    redirect_uri: location.origin + location.pathname,
    scope: config.scope ?? "openid",
    state: pending.state,
    code_challenge: await challengeOf(pending.verifier),
    code_challenge_method: "S256",
    ...resourceOf(config),
    ...(mustAskAccount ? { prompt: "login" } : {}),
  });
  location.assign(`${authorization_endpoint}?${query}`);
}

/** Return a token for the code that the issuer sent back. */
export async function finishOidc(config, answer, { storage, location, fetch }) {
  const pending = JSON.parse(storage.getItem(KEY) ?? "null");
  storage.removeItem(KEY);
  // RFC 9207: an issuer that names itself must be the issuer of the request.
  const isOurs = pending && answer.get("state") === pending.state && (answer.get("iss") ?? config.issuer) === config.issuer;
  if (!isOurs) throw new OidcFailed("stranger");
  if (answer.has("error")) throw new OidcFailed("refused", answer.get("error_description") ?? answer.get("error"));
  const held = await tokenFor(config, fetch, {
    grant_type: "authorization_code",
    code: answer.get("code"),
    redirect_uri: location.origin + location.pathname,
    code_verifier: pending.verifier,
  });
  if (pending.back) location.hash = pending.back;
  return held;
}

/** Return the next token. Without a new refresh token the old one stays in use (RFC 6749, section 6). */
export async function renewOidc(config, held, fetch) {
  const next = await tokenFor(config, fetch, { grant_type: "refresh_token", refresh_token: held.renewal });
  return { ...next, renewal: next.renewal ?? held.renewal };
}

/** Revoke the refresh token (RFC 7009), if the issuer supports it. */
export async function revokeOidc(config, held, fetch) {
  const { revocation_endpoint } = await discover(config, fetch);
  const form = { token: held.renewal, token_type_hint: "refresh_token", client_id: config.client_id };
  if (revocation_endpoint) await post(revocation_endpoint, form, fetch);
}

async function discover(config, fetch) {
  const answer = await fetch(`${config.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`).catch(unreachable);
  if (!answer.ok) throw new OidcFailed("away", `status ${answer.status}`);
  const metadata = await answer.json();
  if (metadata.issuer !== config.issuer) throw new OidcFailed("other", metadata.issuer);
  return metadata;
}

async function tokenFor(config, fetch, form) {
  const { token_endpoint } = await discover(config, fetch);
  const answer = await post(token_endpoint, { ...form, client_id: config.client_id, ...resourceOf(config) }, fetch);
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const text = body.error_description ?? body.error ?? `status ${answer.status}`;
    throw new OidcFailed(answer.status < 500 ? "refused" : "away", text);
  }
  return { token: body.access_token, renewal: body.refresh_token ?? null, expires_in_s: body.expires_in ?? 300 };
}

const post = (url, form, fetch) =>
  fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams(form),
  }).catch(unreachable);

const resourceOf = (config) => (config.resource ? { resource: config.resource } : {});

function unreachable() {
  throw new OidcFailed("away");
}
