// The session: a short-lived token in the browser's session storage, renewed while the page is open. The token is never part
// of an address and never outlives the tab.

import { SignedOut } from "../data/errors.js";
import { signInCode } from "../rules/share.js";
import { OidcFailed, beginOidc, finishOidc, renewOidc, revokeOidc } from "./oidc.js";

const KEY = "tps-session";
const RENEW_EARLY_S = 120;
const TIMEOUT_MS = 20_000;

export class Session {
  constructor({ storage, location, history, fetch, now = Date.now }) {
    Object.assign(this, { storage, location, history, now });
    this.fetch = (...args) => fetch(...args);
    this.config = null;
    this.renewing = null;
    this.returned = null;
    // After a sign-out, or a refused sign-in, another user may follow: the issuer must ask for the account again.
    this.mustAskAccount = false;
    this.held = JSON.parse(storage.getItem(KEY) ?? "null");
  }

  /** Sign in with the code in the address, if any. The code leaves the address before the first call. Safe to retry. */
  async begin() {
    this.returned ??= this.#readAddress();
    this.config = await this.#json("config.json");
    const { code, answer } = this.returned;
    if (code) this.#hold(await this.#exchange(code));
    else if (answer.has("state")) await this.#finishOidc(answer);
    if (!this.held) throw new SignedOut("");
  }

  #readAddress() {
    const code = signInCode(this.location.hash);
    const answer = new URLSearchParams(this.location.search);
    if (code || answer.has("state")) this.history.replaceState(null, "", this.location.pathname);
    return { code, answer };
  }

  get canUseOidc() {
    return this.config?.sign_in === "oidc";
  }

  get token() {
    return this.held?.token ?? null;
  }

  /** Return the `Authorization` header. A token near its end is renewed; if that fails, it is used until it expires. */
  async authorization() {
    if (this.held?.renewal && this.now() >= this.held.renew_at) await this.renew().catch((error) => this.#continueIfValid(error));
    if (!this.held || this.now() >= this.held.ends) this.#end();
    return `Bearer ${this.held.token}`;
  }

  /** Renew the token; simultaneous calls share one renewal. */
  renew() {
    this.renewing ??= this.#renew().finally(() => (this.renewing = null));
    return this.renewing;
  }

  /** Use a token that the user pasted, possibly with line breaks. It is not renewed. */
  useToken(pasted) {
    const token = pasted.replace(/^\s*Bearer\s+/i, "").replace(/\s/g, "");
    if (!/^[\x21-\x7e]+$/.test(token)) throw new SignedOut("wrong");
    this.#hold({ token, renewal: null, expires_in_s: 12 * 3600 });
  }

  signOut() {
    const held = this.held;
    this.mustAskAccount = true;
    this.#forget();
    if (this.canUseOidc && held?.renewal) revokeOidc(this.config, held, this.fetch).catch(() => {});
  }

  async beginOidc() {
    await beginOidc(this.config, this.mustAskAccount, this).catch(refuse);
  }

  async #exchange(code) {
    const answer = await this.#post({ code });
    if (answer.status >= 500) throw new Error(`status ${answer.status}`);
    if (!answer.ok) throw new SignedOut("code_failed");
    return { ...(await answer.json()), renewal: "session" };
  }

  async #renew() {
    const before = this.held;
    const next = before.renewal === "session" ? await this.#renewHere(before) : await this.#renewByOidc(before);
    if (next && this.held === before) this.#hold(next);
  }

  async #renewHere(held) {
    const answer = await this.#post({}, { Authorization: `Bearer ${held.token}` });
    if (answer.ok) return { ...(await answer.json()), renewal: "session" };
    return answer.status === 401 ? this.#end() : undefined;
  }

  async #renewByOidc(held) {
    try {
      return await renewOidc(this.config, held, this.fetch);
    } catch (error) {
      if (error instanceof OidcFailed && error.why === "refused") this.#end();
      throw error;
    }
  }

  async #finishOidc(answer) {
    const held = await finishOidc(this.config, answer, this).catch((error) => this.#keepSession(error));
    if (held) this.#hold(held);
  }

  /** Keep the session if a signed-in user goes back in history to the address of an earlier answer. */
  #keepSession(error) {
    if (error.why !== "stranger" || !this.held) refuse(error);
  }

  #continueIfValid(error) {
    if (error instanceof SignedOut || this.now() >= (this.held?.ends ?? 0)) throw error;
  }

  #end() {
    this.#forget();
    throw new SignedOut("over");
  }

  #forget() {
    this.held = null;
    this.storage.removeItem(KEY);
  }

  #post(body, headers = {}) {
    const options = { method: "POST", body: JSON.stringify(body), cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) };
    return this.fetch("session", { ...options, headers: { "Content-Type": "application/json", ...headers } });
  }

  async #json(path) {
    const answer = await this.fetch(path, { cache: "no-cache", signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }

  #hold({ token, expires_in_s, ...rest }) {
    const renew_at = this.now() + Math.max(expires_in_s - RENEW_EARLY_S, expires_in_s / 2) * 1000;
    this.held = { ...rest, token, renew_at, ends: this.now() + expires_in_s * 1000 };
    this.storage.setItem(KEY, JSON.stringify(this.held));
  }
}

function refuse(error) {
  throw new SignedOut("oidc_failed", error instanceof OidcFailed ? error : new OidcFailed("refused", error.message));
}
