// Answers that a page needs and could not have anew: what it shows in their place is old, or missing.

export class Troubles {
  #all = new Set();
  #listener = () => {};

  /** Tells of one until the function that is returned is called; `since` is when its last answer came, null if none did. */
  add(trouble) {
    this.#all.add(trouble);
    this.#listener(this.worst);
    return () => {
      this.#all.delete(trouble);
      this.#listener(this.worst);
    };
  }

  /** The one that is oldest, before all what never came; null if there is none. */
  get worst() {
    return [...this.#all].reduce((worst, each) => (worst && (worst.since ?? 0) <= (each.since ?? 0) ? worst : each), null);
  }

  /** Calls back with the worst, now and whenever it may be another; returns what ends it. */
  watch(listener) {
    this.#listener = listener;
    listener(this.worst);
    return () => (this.#listener = () => {});
  }
}
