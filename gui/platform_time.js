// The time of the platform: what is in force, and what day it is, must not hang on the clock of whoever looks.

// The header that tells it is in whole seconds, and was on its way.
const ALIKE_MS = 3_000;
let ahead = 0;

export const now = () => Date.now() + ahead;

/** Take the time from an answer's header `Date`, if the clock here is another. */
export function hear(date) {
  const away = Date.parse(date) - Date.now();
  if (Number.isFinite(away)) ahead = Math.abs(away) > ALIKE_MS ? away : 0;
}
