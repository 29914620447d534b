// The visible part of the loaded window. Subscribers are called at most once per frame.

import { MINUTE, panned, zoomed } from "../rules/time.js";

export class Viewport {
  constructor(whole, range) {
    this.whole = whole;
    this.range = range && range.min < whole.to && whole.from < range.max ? panned(range, 0, whole) : this.#wholeRange();
    this.listeners = new Set();
    this.frame = 0;
  }

  #wholeRange() {
    return { min: this.whole.from, max: this.whole.to };
  }

  get isWhole() {
    return this.range.min <= this.whole.from && this.range.max >= this.whole.to;
  }

  /** Return the position of an instant as a share of the width. */
  share(instant) {
    return (instant - this.range.min) / (this.range.max - this.range.min);
  }

  /** Return the instant at a share of the width. */
  at(share) {
    return this.range.min + share * (this.range.max - this.range.min);
  }

  /** Return the minutes from the start of the window to an instant, for style sheets. */
  minutes(instant) {
    return (instant - this.whole.from) / MINUTE;
  }

  zoom(factor, share = 0.5) {
    this.#set(zoomed(this.range, factor, this.at(share), this.whole));
  }

  pan(share) {
    this.#set(panned(this.range, share * (this.range.max - this.range.min), this.whole));
  }

  reset() {
    this.#set(this.#wholeRange());
  }

  subscribe(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  #set(range) {
    this.range = range;
    if (!this.frame) this.frame = requestAnimationFrame(() => this.#notify());
  }

  #notify() {
    this.frame = 0;
    for (const listener of this.listeners) listener(this.range);
  }
}
