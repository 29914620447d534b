// The platform's clock: the status of a limit and the current day must not depend on the clock of this machine.

// The header `Date` has whole seconds only.
const TOLERANCE_MS = 3_000;
let offset = 0;

export const now = () => Date.now() + offset;

/**
 * Set the platform's clock from the header `Date` of an answer, if it differs from the clock of this machine.
 * The server may date an answer at any moment between `sentAt` and its arrival; a waiting call is dated at its start.
 */
export function setPlatformTime(date, sentAt) {
  const platformTime = Date.parse(date);
  if (!Number.isFinite(platformTime)) return;
  const difference = Math.min(platformTime - sentAt, 0) || Math.max(platformTime - Date.now(), 0);
  offset = Math.abs(difference) > TOLERANCE_MS ? difference : 0;
}
