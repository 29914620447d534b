// Who is signed in: a short token in this tab's memory of the browser, renewed while the page is open. It is never in an
// address, and never outlives the tab.

import { beginOidc, finishOidc, renewOidc } from "./oidc.js";
import { signInCode } from "./rules/share.js";

const KEY = "tps-session";
const EARLY_MS = 120_000;

/** A reason to show the sign-in page; `why` names one of its texts. */
export class SignedOut extends Error {
  constructor(why, detail = "") {
    super(why);
    this.why = why;
    this.detail = detail;
  }
}

export class Session {
  constructor({ storage, location, history, fetch, now = Date.now }) {
    Object.assign(this, { storage, location, history, now });
    this.fetch = (...args) => fetch(...args);
    this.config = null;
    this.renewing = null;
    this.held = JSON.parse(storage.getItem(KEY) ?? "null");
  }

  /** Take what the address brings, and clear the address of it before anything else is asked for. */
  async begin() {
    const code = signInCode(this.location.hash);
    const answer = new URLSearchParams(this.location.search);
    if (code || answer.has("state")) this.history.replaceState(null, "", this.location.pathname);
    this.config = await this.#json("config.json");
    if (code) this.#hold(await this.#exchange(code));
    else if (answer.has("state")) await this.#finishOidc(answer);
    if (!this.held) throw new SignedOut("");
  }

  get canUseOidc() {
    return this.config?.sign_in === "oidc";
  }

  get token() {
    return this.held?.token ?? null;
  }

  /** The header of a call; renews a token that is about to end. */
  async authorization() {
    if (!this.held) throw new SignedOut("over");
    if (this.held.ends - this.now() < EARLY_MS && this.held.renewal) await this.renew();
    return `Bearer ${this.held.token}`;
  }

  /** The next token; calls at once share one renewal. */
  renew() {
    this.renewing ??= this.#renew().finally(() => (this.renewing = null));
    return this.renewing;
  }

  /** A token that a person pasted: not renewed. */
  useToken(token) {
    this.#hold({ token: token.trim().replace(/^Bearer\s+/i, ""), renewal: null, expires_in_s: 12 * 3600 });
  }

  signOut() {
    this.held = null;
    this.storage.removeItem(KEY);
  }

  beginOidc() {
    return beginOidc(this.config, this.storage, this.location);
  }

  async #exchange(code) {
    const answer = await this.#post({ code });
    if (!answer.ok) throw new SignedOut("code_failed");
    return { ...(await answer.json()), renewal: "session" };
  }

  async #renew() {
    if (this.held.renewal !== "session") {
      return this.#hold(await renewOidc(this.config, this.held, this.fetch));
    }
    const answer = await this.#post({}, { Authorization: `Bearer ${this.held.token}` });
    if (answer.ok) return this.#hold({ ...(await answer.json()), renewal: "session" });
    if (answer.status !== 401) return undefined;
    this.signOut();
    throw new SignedOut("over");
  }

  async #finishOidc(answer) {
    try {
      this.#hold(await finishOidc(this.config, answer, { storage: this.storage, location: this.location, fetch: this.fetch }));
    } catch (error) {
      throw new SignedOut("oidc_failed", error.message);
    }
  }

  #post(body, headers = {}) {
    const options = { method: "POST", body: JSON.stringify(body), cache: "no-store" };
    return this.fetch("session", { ...options, headers: { "Content-Type": "application/json", ...headers } });
  }

  async #json(path) {
    const answer = await this.fetch(path, { cache: "no-cache" });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  }

  #hold({ token, expires_in_s, ...more }) {
    this.held = { ...more, token, ends: this.now() + expires_in_s * 1000 };
    this.storage.setItem(KEY, JSON.stringify(this.held));
  }
}
