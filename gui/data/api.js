// Calls to the platform's read routes: cached by ETag, page by page, with errors by cause.

import { setPlatformTime } from "../rules/platform_time.js";
import { Lost, Refused, SignedOut } from "./errors.js";
import { Troubles } from "./troubles.js";

const MAXIMUM_CACHED = 60;
const TIMEOUT_MS = 60_000;

export class Api {
  constructor(session, fetch = globalThis.fetch.bind(globalThis)) {
    this.session = session;
    this.fetch = fetch;
    this.cache = new Map();
    this.troubles = new Troubles();
  }

  /** Return the answer of a read route below /tps/v1, from the cache if the platform answers 304. */
  get(path, query = {}, options = {}) {
    return this.follow(`/tps/v1${path}${asQuery(query)}`, options);
  }

  /** Return the answer of a URL, such as `next` in a list. */
  async follow(url, { signal, isCached = true, timeoutMs = TIMEOUT_MS } = {}) {
    const cached = isCached ? this.cache.get(url) : undefined;
    // A network that drops all packets would block a call forever.
    const aborted = AbortSignal.any([AbortSignal.timeout(timeoutMs), ...(signal ? [signal] : [])]);
    const sentAt = Date.now();
    const answer = await this.#send(url, cached ? { "If-None-Match": cached.tag } : {}, aborted);
    setPlatformTime(answer.headers.get("Date"), sentAt);
    if (answer.status === 304) return cached.body;
    if (!answer.ok) throw this.#refusal(answer.status, await answer.json().catch(() => null));
    const body = await answer.json().catch(lost);
    if (isCached && answer.headers.get("ETag")) this.#store(url, { tag: answer.headers.get("ETag"), body });
    return body;
  }

  /** Return a list from its first page and the following ones, `wanted` pages at most: {items, next, pages}. */
  async collect(first, itemsKey, wanted) {
    let [items, next, pages] = [first[itemsKey], first.next ?? null, 1];
    for (; pages < wanted && next; pages += 1) {
      const answer = await this.follow(next);
      [items, next] = [[...items, ...answer[itemsKey]], answer.next ?? null];
    }
    return { items, next, pages };
  }

  #refusal(status, body) {
    if (status !== 401) return new Refused(status, body);
    this.session.signOut();
    return new SignedOut("wrong");
  }

  async #send(url, headers, signal) {
    try {
      const authorization = await this.session.authorization();
      return await this.fetch(url, { headers: { ...headers, Authorization: authorization }, signal, cache: "no-store" });
    } catch (error) {
      if (error instanceof SignedOut) throw error;
      return lost(error);
    }
  }

  #store(url, answer) {
    this.cache.delete(url);
    this.cache.set(url, answer);
    if (this.cache.size > MAXIMUM_CACHED) this.cache.delete(this.cache.keys().next().value);
  }
}

function lost(error) {
  throw error.name === "AbortError" ? error : new Lost(error.message);
}

function asQuery(query) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const item of [value].flat()) if (item !== undefined && item !== null && item !== "") parameters.append(name, item);
  }
  return parameters.size ? `?${parameters}` : "";
}
