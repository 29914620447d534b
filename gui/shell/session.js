// Who is signed in: a short token in this tab's memory of the browser, renewed while the page is open. It is never in an
// address, and never outlives the tab.

import { SignedOut } from "../data/errors.js";
import { signInCode } from "../rules/share.js";
import { OidcFailed, beginOidc, finishOidc, renewOidc, revokeOidc } from "./oidc.js";

const KEY = "tps-session";
const EARLY_S = 120;
const PATIENCE_MS = 20_000;

export class Session {
  constructor({ storage, location, history, fetch, now = Date.now }) {
    Object.assign(this, { storage, location, history, now });
    this.fetch = (...args) => fetch(...args);
    this.config = null;
    this.renewing = null;
    this.brought = null;
    // Whoever signed out, or was let in nowhere, may be somebody else next.
    this.isAnew = false;
    this.held = JSON.parse(storage.getItem(KEY) ?? "null");
  }

  /** Take what the address brings, and clear the address of it before anything else is asked for; may be tried again. */
  async begin() {
    this.brought ??= this.#brought();
    this.config = await this.#json("config.json");
    const { code, answer } = this.brought;
    if (code) this.#hold(await this.#exchange(code));
    else if (answer.has("state")) await this.#finishOidc(answer);
    if (!this.held) throw new SignedOut("");
  }

  #brought() {
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

  /** The header of a call; renews a token that is about to end, and goes on with it to its end if that fails. */
  async authorization() {
    if (this.held?.renewal && this.now() >= this.held.renew_at) await this.renew().catch((error) => this.#goOn(error));
    if (!this.held || this.now() >= this.held.ends) this.#end();
    return `Bearer ${this.held.token}`;
  }

  /** The next token; calls at once share one renewal. */
  renew() {
    this.renewing ??= this.#renew().finally(() => (this.renewing = null));
    return this.renewing;
  }

  /** A token that a person pasted, be it broken over lines: not renewed. */
  useToken(pasted) {
    const token = pasted.replace(/^\s*Bearer\s+/i, "").replace(/\s/g, "");
    if (!/^[\x21-\x7e]+$/.test(token)) throw new SignedOut("wrong");
    this.#hold({ token, renewal: null, expires_in_s: 12 * 3600 });
  }

  signOut() {
    const held = this.held;
    this.isAnew = true;
    this.#forget();
    if (this.canUseOidc && held?.renewal) revokeOidc(this.config, held, this.fetch).catch(() => {});
  }

  async beginOidc() {
    await beginOidc(this.config, this.isAnew, this).catch(failed);
  }

  async #exchange(code) {
    const answer = await this.#post({ code });
    if (answer.status >= 500) throw new Error(`status ${answer.status}`);
    if (!answer.ok) throw new SignedOut("code_failed");
    return { ...(await answer.json()), renewal: "session" };
  }

  async #renew() {
    const before = this.held;
    const next = before.renewal === "session" ? await this.#nextHere(before) : await this.#nextByOidc(before);
    if (next && this.held === before) this.#hold(next);
  }

  async #nextHere(held) {
    const answer = await this.#post({}, { Authorization: `Bearer ${held.token}` });
    if (answer.ok) return { ...(await answer.json()), renewal: "session" };
    return answer.status === 401 ? this.#end() : undefined;
  }

  async #nextByOidc(held) {
    try {
      return await renewOidc(this.config, held, this.fetch);
    } catch (error) {
      if (error instanceof OidcFailed && error.why === "refused") this.#end();
      throw error;
    }
  }

  async #finishOidc(answer) {
    const held = await finishOidc(this.config, answer, this).catch((error) => this.#stay(error));
    if (held) this.#hold(held);
  }

  /** Whoever is signed in and goes back in history is answered again, by nobody's wish. */
  #stay(error) {
    if (error.why !== "stranger" || !this.held) failed(error);
  }

  #goOn(error) {
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
    const options = { method: "POST", body: JSON.stringify(body), cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) };
    return this.fetch("session", { ...options, headers: { "Content-Type": "application/json", ...headers } });
  }

  async #json(path) {
    const answer = await this.fetch(path, { cache: "no-cache", signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }

  #hold({ token, expires_in_s, ...more }) {
    const renew_at = this.now() + Math.max(expires_in_s - EARLY_S, expires_in_s / 2) * 1000;
    this.held = { ...more, token, renew_at, ends: this.now() + expires_in_s * 1000 };
    this.storage.setItem(KEY, JSON.stringify(this.held));
  }
}

function failed(error) {
  const isTold = error instanceof OidcFailed;
  throw new SignedOut("oidc_failed", isTold ? error : new OidcFailed("refused", error.message));
}
