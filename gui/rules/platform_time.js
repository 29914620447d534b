// The time of the platform: what is in force, and what day it is, must not hang on the clock of whoever looks.

// The header that tells it is in whole seconds.
const ALIKE_MS = 3_000;
let ahead = 0;

export const now = () => Date.now() + ahead;

/** Take the time from the header `Date` of what was asked at `askedAt` by the clock here, if that is another clock: an
 * answer may be dated at any moment until it came, one that waited for news at its beginning. */
export function hear(date, askedAt) {
  const there = Date.parse(date);
  if (!Number.isFinite(there)) return;
  const away = Math.min(there - askedAt, 0) || Math.max(there - Date.now(), 0);
  ahead = Math.abs(away) > ALIKE_MS ? away : 0;
}
