// Answers that the page needs but could not refresh. What it shows instead is old or missing.

export class Troubles {
  #troubles = new Set();
  #listener = () => {};

  /**
   * Report a trouble. `since` is the time of the last good answer, null if there was none.
   * @returns a function that withdraws the trouble
   */
  add(trouble) {
    this.#troubles.add(trouble);
    this.#listener(this.worst);
    return () => {
      this.#troubles.delete(trouble);
      this.#listener(this.worst);
    };
  }

  /** The trouble with the oldest answer; a missing answer counts as oldest. Null if there is no trouble. */
  get worst() {
    return [...this.#troubles].reduce((worst, trouble) => (worst && (worst.since ?? 0) <= (trouble.since ?? 0) ? worst : trouble), null);
  }

  /**
   * Call the listener with the worst trouble, now and after each change.
   * @returns a function that removes the listener
   */
  watch(listener) {
    this.#listener = listener;
    listener(this.worst);
    return () => (this.#listener = () => {});
  }
}
