// What the platform answers: read routes with ETags, pages, and errors that say what they are.

import { hear } from "../rules/platform_time.js";
import { Lost, Refused, SignedOut } from "./errors.js";
import { Troubles } from "./troubles.js";

const KEPT = 60;
const PATIENCE_MS = 60_000;

export class Api {
  constructor(session, fetch = globalThis.fetch.bind(globalThis)) {
    this.session = session;
    this.fetch = fetch;
    this.kept = new Map();
    this.troubles = new Troubles();
  }

  /** A read route below /tps/v1; what has not changed is not sent again. */
  get(path, query = {}, options = {}) {
    return this.follow(`/tps/v1${path}${asQuery(query)}`, options);
  }

  /** The same by the URL that an answer names (`next`). */
  async follow(url, { signal, isKept = true, patienceMs = PATIENCE_MS } = {}) {
    const kept = isKept ? this.kept.get(url) : undefined;
    // A network that lets everything vanish would keep a call for ever.
    const ends = AbortSignal.any([AbortSignal.timeout(patienceMs), ...(signal ? [signal] : [])]);
    const askedAt = Date.now();
    const answer = await this.#ask(url, kept ? { "If-None-Match": kept.tag } : {}, ends);
    hear(answer.headers.get("Date"), askedAt);
    if (answer.status === 304) return kept.body;
    if (!answer.ok) throw this.#refusal(answer.status, await answer.json().catch(() => null));
    const body = await answer.json().catch(lost);
    if (isKept && answer.headers.get("ETag")) this.#keep(url, { tag: answer.headers.get("ETag"), body });
    return body;
  }

  /** A list's first page, and following ones until there are `wanted`: {items, next, pages}. */
  async collect(first, read, wanted) {
    let [items, next, pages] = [first[read], first.next ?? null, 1];
    for (; pages < wanted && next; pages += 1) {
      const answer = await this.follow(next);
      [items, next] = [[...items, ...answer[read]], answer.next ?? null];
    }
    return { items, next, pages };
  }

  #refusal(status, body) {
    if (status !== 401) return new Refused(status, body);
    this.session.signOut();
    return new SignedOut("wrong");
  }

  async #ask(url, headers, signal) {
    try {
      const authorization = await this.session.authorization();
      return await this.fetch(url, { headers: { ...headers, Authorization: authorization }, signal, cache: "no-store" });
    } catch (error) {
      if (error instanceof SignedOut) throw error;
      return lost(error);
    }
  }

  #keep(url, answer) {
    this.kept.delete(url);
    this.kept.set(url, answer);
    if (this.kept.size > KEPT) this.kept.delete(this.kept.keys().next().value);
  }
}

function lost(error) {
  throw error.name === "AbortError" ? error : new Lost(error.message);
}

function asQuery(query) {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of [value].flat()) if (each !== undefined && each !== null && each !== "") given.append(name, each);
  }
  return given.size ? `?${given}` : "";
}
