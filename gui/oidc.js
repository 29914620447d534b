// Signing in by an OIDC issuer: Authorization Code with PKCE (RFC 7636), for a client that keeps no secret.

const KEY = "tps-oidc";

const base64url = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");

const random = () => base64url(crypto.getRandomValues(new Uint8Array(32)));

/** The challenge of a verifier: BASE64URL(SHA256(verifier)). */
export async function challengeOf(verifier) {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

async function discovered(config, fetch = globalThis.fetch) {
  const answer = await fetch(`${config.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  if (!answer.ok) throw new Error(`the issuer answered ${answer.status}`);
  const found = await answer.json();
  if (found.issuer !== config.issuer) throw new Error("the issuer calls itself otherwise");
  return found;
}

/** Leave for the issuer's page; where we were is kept in this tab. */
export async function beginOidc(config, storage, location) {
  const { authorization_endpoint } = await discovered(config);
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
  });
  location.assign(`${authorization_endpoint}?${query}`);
}

/** A token for the code that the issuer sent back. */
export async function finishOidc(config, answer, { storage, location, fetch }) {
  const kept = JSON.parse(storage.getItem(KEY) ?? "null");
  storage.removeItem(KEY);
  if (!kept || answer.get("state") !== kept.state) throw new Error("the answer belongs to no sign-in of this tab");
  if (answer.has("error")) throw new Error(answer.get("error_description") ?? answer.get("error"));
  const held = await tokenFor(config, fetch, {
    grant_type: "authorization_code",
    code: answer.get("code"),
    redirect_uri: location.origin + location.pathname,
    code_verifier: kept.verifier,
  });
  if (kept.back) location.hash = kept.back;
  return held;
}

/** The next token, by the refresh token of the last. */
export const renewOidc = (config, held, fetch) =>
  tokenFor(config, fetch, { grant_type: "refresh_token", refresh_token: held.renewal });

async function tokenFor(config, fetch, form) {
  const { token_endpoint } = await discovered(config, fetch);
  const answer = await fetch(token_endpoint, {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ ...form, client_id: config.client_id }),
  });
  if (!answer.ok) throw new Error(`the issuer answered ${answer.status}`);
  const given = await answer.json();
  return { token: given.access_token, renewal: given.refresh_token ?? null, expires_in_s: given.expires_in ?? 300 };
}
