// Times: days of a zone (of 23, 24 or 25 hours), windows, ticks, and how they are written. Instants are ms since 1970.

import { words } from "./texts.js";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const LONGEST = 31 * DAY;
const SHORTEST = 30 * MINUTE;
// A day before the last that the routes take, so that each day has a next one.
const LATEST = Date.UTC(9998, 11, 31);

const formats = new Map();

function formatOf(zone, options, language = words.locale) {
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

/** What a clock on the wall of this zone shows: {year, month, day, hour, minute, second}. */
export function wallClock(instant, zone) {
  const parts = formatOf(zone, WALL, "en-CA").formatToParts(instant);
  return Object.fromEntries(parts.filter((part) => part.type !== "literal").map((part) => [part.type, Number(part.value)]));
}

/** How far the zone's clock is ahead of UTC, in ms. */
export function offsetOf(instant, zone) {
  const wall = wallClock(instant, zone);
  const asUtc = Date.UTC(wall.year, wall.month - 1, wall.day, wall.hour, wall.minute, wall.second);
  return asUtc - Math.floor(instant / 1000) * 1000;
}

/** The date of an instant in a zone, as "2026-11-25". */
export function dayOf(instant, zone) {
  const { year, month, day } = wallClock(instant, zone);
  return [String(year).padStart(4, "0"), String(month).padStart(2, "0"), String(day).padStart(2, "0")].join("-");
}

/** True for a date that is in the calendar, and that the routes take. */
export function isDay(text) {
  if (!/^\d{4}-\d\d-\d\d$/.test(text ?? "")) return false;
  const instant = Date.parse(`${text}T00:00:00Z`);
  return instant >= DAY && instant < LATEST && new Date(instant).toISOString().startsWith(text);
}

/** The instant of a wall time in a zone; of one that is skipped, as much later as the clock goes forward. */
export function instantOf(day, zone, minutes = 0) {
  const asUtc = Date.parse(`${day}T00:00:00Z`) + minutes * MINUTE;
  const first = asUtc - offsetOf(asUtc, zone);
  const offset = offsetOf(first, zone);
  const second = asUtc - offset;
  return offsetOf(second, zone) === offset ? second : Math.max(first, second);
}

/** The day `count` days later. */
export function addDays(day, count) {
  return new Date(Date.parse(`${day}T00:00:00Z`) + count * DAY).toISOString().slice(0, 10);
}

/** A whole day of a zone as [from, to): 92, 96 or 100 quarter-hours. */
export function dayWindow(day, zone) {
  return { from: instantOf(day, zone), to: instantOf(addDays(day, 1), zone) };
}

/** A window that the routes take: whole minutes, since 1970, not empty, at most 31 days. */
export function checkedWindow(from, to) {
  if (!(to > from && from >= 0 && to < LATEST)) return null;
  const window = { from: Math.floor(from / MINUTE) * MINUTE, to: Math.ceil(to / MINUTE) * MINUTE };
  return window.to - window.from <= LONGEST ? window : null;
}

/** Nearer or further around `at`, within `whole`; factor < 1 is nearer. */
export function zoomed(range, factor, at, whole) {
  const span = Math.min(Math.max((range.max - range.min) * factor, SHORTEST), whole.to - whole.from);
  const share = (at - range.min) / (range.max - range.min);
  return within({ min: at - share * span, max: at + (1 - share) * span }, whole);
}

/** Moved by `by` ms, and not beyond `whole`. */
export function panned(range, by, whole) {
  return within({ min: range.min + by, max: range.max + by }, whole);
}

function within(range, whole) {
  const span = Math.min(range.max - range.min, whole.to - whole.from);
  const min = Math.min(Math.max(range.min, whole.from), whole.to - span);
  return { min, max: min + span };
}

const STEPS = [5, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 5760, 10080].map((minutes) => minutes * MINUTE);

/** Where ticks stand: round wall times, at least `gap` px apart, days marked. Each hour of a long day has its own. */
export function ticks(range, width, zone, gap = 64) {
  const wanted = ((range.max - range.min) / Math.max(width, 1)) * gap;
  // Where all ticks are days, each has its date.
  const step = STEPS.find((each) => each >= (each < DAY ? wanted : wanted * 1.5)) ?? STEPS.at(-1);
  return step >= DAY ? dayTicks(range, step / DAY, zone) : hourTicks(range, step, zone);
}

function dayTicks(range, days, zone) {
  const found = [];
  for (let day = dayOf(range.min, zone); instantOf(day, zone) <= range.max; day = addDays(day, days)) {
    const at = instantOf(day, zone);
    if (at >= range.min) found.push({ at, isDay: true });
  }
  return found;
}

function hourTicks(range, step, zone) {
  const found = [];
  const pace = Math.min(step, HOUR);
  let at = Math.ceil(range.min / MINUTE) * MINUTE;
  while (at <= range.max) {
    const { hour, minute } = wallClock(at, zone);
    const sinceMidnight = (hour * 60 + minute) * MINUTE;
    if (sinceMidnight % step === 0) found.push({ at, isDay: sinceMidnight === 0 });
    // To the next round time on the wall, whatever the zone is away from UTC.
    at += pace - (sinceMidnight % pace);
  }
  return found;
}

const HANDS = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

/** "16:15" on the wall, also in an hour that comes twice. */
export const onWall = (instant, zone) => formatOf(zone, HANDS).format(instant);

/** "16:15"; in an hour that comes twice "02:15 CEST". */
export const clock = (instant, zone) => unmistakable(HANDS, instant, zone);

/** "16:15:07", likewise. */
export const clockWithSeconds = (instant, zone) =>
  unmistakable({ ...HANDS, second: "2-digit" }, instant, zone);

function unmistakable(hands, instant, zone) {
  const told = isTwice(instant, zone) ? { ...hands, timeZoneName: "short" } : hands;
  return formatOf(zone, told).format(instant);
}

/** True if a clock on the wall shows the time of an instant a second time, because it was put back. */
function isTwice(instant, zone) {
  const back = putBackBy(Math.floor(instant / (6 * HOUR)), zone);
  if (back <= 0) return false;
  const offset = offsetOf(instant, zone);
  return offsetOf(instant + back, zone) === offset - back || offsetOf(instant - back, zone) === offset + back;
}

const putBack = new Map();

/** How far a clock is put back in six hours, counted from 1970, or just before or after; remembered, for each time that is written asks. */
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

/** "16:15", with the date if that is another day than the one of `now`, and with the year if that is another. */
export function timeFrom(now, instant, zone, write = clock) {
  const [today, day] = [now, instant].map((each) => dayOf(each, zone));
  if (day === today) return write(instant, zone);
  const dated = day.slice(0, 4) === today.slice(0, 4) ? dateShort : date;
  return `${dated(instant, zone)} ${write(instant, zone)}`;
}

/** True if all of a stretch is within one day of the zone. */
export const isOneDay = (from, to, zone) => dayOf(from, zone) === dayOf(to - 1, zone);

/** "16:00 to 18:15", with both dates where it is not one day; `word` is "to", `isDated` tells the date of one day, too. */
export function span(from, to, { zone, word = "to", isDated = false }) {
  const isOne = isOneDay(from, to, zone);
  const [first, last] = [isOne && !isDated ? clock : moment, isOne ? clock : moment];
  return `${first(from, zone)} ${word} ${last(to, zone)}`;
}

/** "2026-11-25 15:15 UTC", for whoever hovers. */
export const utc = (instant) => `${new Date(instant).toISOString().slice(0, 16).replace("T", " ")} UTC`;

/** "16:00 to 18:15 (15:00 to 17:15 UTC)", for whoever hovers a stretch. */
export const spanWithUtc = (from, to, options) => `${span(from, to, options)} (${span(from, to, { ...options, zone: "UTC" })} UTC)`;

/** "2026-11-25T15:15:00Z", as the routes take it. */
export const iso = (instant) => new Date(instant).toISOString().replace(".000Z", "Z");
