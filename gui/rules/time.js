// Times: days of a time zone (23, 24 or 25 hours), windows, axis ticks and formats. Instants are ms since 1970.

import { texts } from "./texts.js";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MAXIMUM_WINDOW = 31 * DAY;
const MINIMUM_RANGE = 30 * MINUTE;
// One day before the last day that the routes accept, so that every day has a next day.
const LATEST = Date.UTC(9998, 11, 31);

const formats = new Map();

function formatOf(zone, options, language = texts.locale) {
  const key = `${zone} ${language} ${JSON.stringify(options)}`;
  if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(language, { timeZone: zone, ...options }));
  return formats.get(key);
}

const WALL = {
  hourCycle: "h23",
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
};

/** Return the local time in a zone: {year, month, day, hour, minute, second}. */
export function wallClock(instant, zone) {
  const parts = formatOf(zone, WALL, "en-CA").formatToParts(instant);
  return Object.fromEntries(parts.filter((part) => part.type !== "literal").map((part) => [part.type, Number(part.value)]));
}

/** Return the offset of a zone from UTC in ms. */
export function offsetOf(instant, zone) {
  const wall = wallClock(instant, zone);
  const asUtc = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second);
  return asUtc - Math.floor(instant / 1000) * 1000;
}

/** Return the date of an instant in a zone, such as "2026-11-25". */
export function dayOf(instant, zone) {
  const { year, month, day } = wallClock(instant, zone);
  return [String(year).padStart(4, "0"), String(month).padStart(2, "0"), String(day).padStart(2, "0")].join("-");
}

/** Return true for a calendar date that the routes accept. */
export function isDay(text) {
  if (!/^\d{4}-\d\d-\d\d$/.test(text ?? "")) return false;
  const instant = Date.parse(`${text}T00:00:00Z`);
  return instant >= DAY && instant < LATEST && new Date(instant).toISOString().startsWith(text);
}

/** Return the instant of a local time in a zone. A time skipped by daylight saving moves later by the skipped hour. */
export function instantOf(day, zone, minutes = 0) {
  const asUtc = Date.parse(`${day}T00:00:00Z`) + minutes * MINUTE;
  const first = asUtc - offsetOf(asUtc, zone);
  const offset = offsetOf(first, zone);
  const second = asUtc - offset;
  return offsetOf(second, zone) === offset ? second : Math.max(first, second);
}

/** Return the day `count` days later. */
export function addDays(day, count) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * DAY).toISOString().slice(0, 10);
}

/** Return a whole day in a zone as [from, to): 92, 96 or 100 quarter-hours. */
export function dayWindow(day, zone) {
  return { from: instantOf(day, zone), to: instantOf(addDays(day, 1), zone) };
}

/** Return the window in whole minutes, null if the routes refuse it (before 1970, empty, or longer than 31 days). */
export function checkedWindow(from, to) {
  if (!(to > from && from >= 0 && to < LATEST)) return null;
  const window = { from: Math.floor(from / MINUTE) * MINUTE, to: Math.ceil(to / MINUTE) * MINUTE };
  return window.to - window.from <= MAXIMUM_WINDOW ? window : null;
}

/** Return the range zoomed around `at`, within `whole`; a factor below 1 zooms in. */
export function zoomed(range, factor, at, whole) {
  const span = Math.min(Math.max((range.max - range.min) * factor, MINIMUM_RANGE), whole.to - whole.from);
  const share = (at - range.min) / (range.max - range.min);
  return within({ min: at - share * span, max: at + (1 - share) * span }, whole);
}

/** Return the range moved by `by` ms, within `whole`. */
export function panned(range, by, whole) {
  return within({ min: range.min + by, max: range.max + by }, whole);
}

function within(range, whole) {
  const span = Math.min(range.max - range.min, whole.to - whole.from);
  const min = Math.min(Math.max(range.min, whole.from), whole.to - span);
  return { min, max: min + span };
}

const STEPS = [5, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 5760, 10080].map((minutes) => minutes * MINUTE);

/** Return axis ticks at round local times, at least `gap` px apart. Both hours of a repeated hour have a tick. */
export function ticks(range, width, zone, gap = 64) {
  const wanted = ((range.max - range.min) / Math.max(width, 1)) * gap;
  // Ticks of whole days show dates, which need more room.
  const step = STEPS.find((candidate) => candidate >= (candidate < DAY ? wanted : wanted * 1.5)) ?? STEPS.at(-1);
  return step >= DAY ? dayTicks(range, step / DAY, zone) : hourTicks(range, step, zone);
}

function dayTicks(range, days, zone) {
  const marks = [];
  for (let day = dayOf(range.min, zone); instantOf(day, zone) <= range.max; day = addDays(day, days)) {
    const at = instantOf(day, zone);
    if (at >= range.min) marks.push({ at, isDay: true });
  }
  return marks;
}

function hourTicks(range, step, zone) {
  const marks = [];
  const pace = Math.min(step, HOUR);
  let at = Math.ceil(range.min / MINUTE) * MINUTE;
  while (at <= range.max) {
    const { hour, minute } = wallClock(at, zone);
    const sinceMidnight = (hour * 60 + minute) * MINUTE;
    if (sinceMidnight % step === 0) marks.push({ at, isDay: sinceMidnight === 0 });
    // The next round local time, also in zones that are not whole hours from UTC.
    at += pace - (sinceMidnight % pace);
  }
  return marks;
}

const CLOCK = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** "16:15", also in a repeated hour. */
export const clockOnly = (instant, zone) => formatOf(zone, CLOCK).format(instant);

/** "16:15"; in a repeated hour "02:15 CEST". */
export const clock = (instant, zone) => unambiguous(CLOCK, instant, zone);

/** "16:15:07"; in a repeated hour with the zone. */
export const clockWithSeconds = (instant, zone) =>
  unambiguous({ ...CLOCK, second: "2-digit" }, instant, zone);

function unambiguous(format, instant, zone) {
  const complete = isRepeated(instant, zone) ? { ...format, timeZoneName: "short" } : format;
  return formatOf(zone, complete).format(instant);
}

/** Return true if the local time of an instant occurs twice, because daylight saving ends. */
function isRepeated(instant, zone) {
  const back = putBackBy(Math.floor(instant / (6 * HOUR)), zone);
  if (back <= 0) return false;
  const offset = offsetOf(instant, zone);
  return offsetOf(instant + back, zone) === offset - back || offsetOf(instant - back, zone) === offset + back;
}

const putBack = new Map();

/** Return by how much the clock goes back around a six-hour block since 1970. Cached, because every formatted time needs it. */
function putBackBy(sixHours, zone) {
  const key = `${zone} ${sixHours}`;
  if (!putBack.has(key)) putBack.set(key, offsetOf((sixHours - 1) * 6 * HOUR, zone) - offsetOf((sixHours + 2) * 6 * HOUR, zone));
  return putBack.get(key);
}

/** "Wed 25 Nov". */
export const dateShort = (instant, zone) =>
  formatOf(zone, { weekday: "short", day: "numeric", month: "short" }).format(instant).replace(",", "");

/** "25 Nov 2028". */
export const date = (instant, zone) =>
  formatOf(zone, { day: "numeric", month: "short", year: "numeric" }).format(instant);

/** "Wed 25 Nov 16:15". */
export const moment = (instant, zone) =>
  `${dateShort(instant, zone)} ${clock(instant, zone)}`;

/** "16:15", with the date if the day differs from the day of `now`, and with the year if the year differs. */
export function timeFrom(now, instant, zone, write = clock) {
  const [today, day] = [now, instant].map((time) => dayOf(time, zone));
  if (day === today) return write(instant, zone);
  const dated = day.slice(0, 4) === today.slice(0, 4) ? dateShort : date;
  return `${dated(instant, zone)} ${write(instant, zone)}`;
}

/** Return true if a period is within one day of the zone. */
export const isOneDay = (from, to, zone) => dayOf(from, zone) === dayOf(to - 1, zone);

/** "16:00 to 18:15", with both dates for several days; `isDated` adds the date to a single day. */
export function span(from, to, { zone, separator = "to", isDated = false }) {
  const isSingleDay = isOneDay(from, to, zone);
  const [first, last] = [isSingleDay && !isDated ? clock : moment, isSingleDay ? clock : moment];
  return `${first(from, zone)} ${separator} ${last(to, zone)}`;
}

/** "2026-11-25 15:15 UTC", for tooltips. */
export const utc = (instant) => `${new Date(instant).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** "16:00 to 18:15 (15:00 to 17:15 UTC)", for tooltips. */
export const spanWithUtc = (from, to, options) => `${span(from, to, options)} (${span(from, to, { ...options, zone: "UTC" })} UTC)`;

/** "2026-11-25T15:15:00Z", the format of the routes. */
export const iso = (instant) => new Date(instant).toISOString().replace(".000Z", "Z");
