// Small elements that several views share.

import { html } from "../lib/preact.js";
import { Lost } from "../data/errors.js";
import { texts } from "../rules/texts.js";
import { moment, utc } from "../rules/time.js";

export const Empty = ({ text }) => html`<p class="empty">${text}</p>`;

export const Loading = () => html`<p class="empty loading" role="status">${texts.loading}</p>`;

/** The reason why no data is shown. */
export function Failed({ error }) {
  const text = error instanceof Lost ? texts.lost : texts.failed(error.message);
  return html`<p class="empty failed" role="alert">${text}</p>`;
}

/** A time in the time zone, with UTC as the tooltip. */
export function Time({ at, zone, write = moment }) {
  const instant = typeof at === "string" ? Date.parse(at) : at;
  return html`<time datetime=${new Date(instant).toISOString()} title=${utc(instant)}>${write(instant, zone)}</time>`;
}

/** A status with its symbol. */
export function Status({ status }) {
  return html`<span class=${`status is-${status}`}>${texts.statuses[status] ?? status}</span>`;
}

/** Save a text as a file. */
export function save(name, text) {
  const url = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv;charset=utf-8" }));
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
