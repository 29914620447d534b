import assert from "node:assert/strict";
import { test } from "node:test";
import {
  HOUR,
  addDays,
  checkedWindow,
  clock,
  dayOf,
  dayWindow,
  instantOf,
  isDay,
  iso,
  clockOnly,
  panned,
  span,
  spanWithUtc,
  ticks,
  timeFrom,
  utc,
  zoomed,
} from "../rules/time.js";

const ZONE = "Europe/Copenhagen";
const at = (text) => Date.parse(text);
const quarters = (day) => (dayWindow(day, ZONE).to - dayWindow(day, ZONE).from) / (HOUR / 4);

test("a day has 96 quarter-hours, 92 when clocks go forward and 100 when they go back", () => {
  assert.deepEqual(["2026-11-25", "2026-03-29", "2026-10-25"].map(quarters), [96, 92, 100]);
});

test("a day starts at local midnight, also in zones with a clock change at midnight", () => {
  assert.equal(iso(dayWindow("2026-11-25", ZONE).from), "2026-11-24T23:00:00Z");
  assert.equal(iso(dayWindow("2026-07-01", ZONE).from), "2026-06-30T22:00:00Z");
  assert.equal(iso(dayWindow("2026-11-25", "UTC").from), "2026-11-25T00:00:00Z");
  assert.equal(dayOf(dayWindow("2026-09-06", "America/Santiago").from, "America/Santiago"), "2026-09-06");
});

test("a repeated hour has two ticks", () => {
  const { from, to } = dayWindow("2026-10-25", ZONE);
  const hours = ticks({ min: from, max: to }, 2600, ZONE, 60).map((tick) => clockOnly(tick.at, ZONE));
  assert.equal(hours.filter((hour) => hour === "02:00").length, 2);
  assert.equal(hours.length, 26);
});

test("a skipped hour has no tick, and its times move one hour later", () => {
  const { from, to } = dayWindow("2026-03-29", ZONE);
  const hours = ticks({ min: from, max: to }, 2600, ZONE, 60).map((tick) => clock(tick.at, ZONE));
  assert.ok(!hours.includes("02:00"));
  assert.equal(clock(instantOf("2026-03-29", ZONE, 150), ZONE), "03:30");
});

test("ticks are round, mark days and keep a distance", () => {
  const { from, to } = dayWindow("2026-11-25", ZONE);
  const marks = ticks({ min: from, max: to }, 1000, ZONE, 60);
  assert.deepEqual(marks.filter((tick) => tick.isDay).map((tick) => tick.at), [from, to]);
  assert.ok(marks.length <= 1000 / 60 + 1);
  const week = ticks({ min: from, max: from + 14 * 24 * HOUR }, 400, ZONE, 60);
  assert.ok(week.every((tick) => tick.isDay));
});

test("adding days crosses months and years", () => {
  assert.equal(addDays("2026-12-31", 1), "2027-01-01");
  assert.equal(addDays("2028-03-01", -1), "2028-02-29");
});

test("only calendar dates are valid days", () => {
  assert.deepEqual(["2026-02-30", "2026-1-1", "", undefined, "2028-02-29"].map(isDay), [false, false, false, false, true]);
});

test("a window has whole minutes, is not empty and has at most 31 days", () => {
  const from = at("2026-11-25T10:00:30Z");
  assert.deepEqual(checkedWindow(from, from + HOUR), { from: from - 30_000, to: from + HOUR + 30_000 });
  assert.equal(checkedWindow(from, from), null);
  assert.equal(checkedWindow(NaN, from), null);
  assert.equal(checkedWindow(from, from + 32 * 24 * HOUR), null);
});

test("zooming keeps the instant under the pointer, and moving stays within the window", () => {
  const whole = { from: 0, to: 24 * HOUR };
  const near = zoomed({ min: 0, max: 24 * HOUR }, 0.5, 6 * HOUR, whole);
  assert.deepEqual(near, { min: 3 * HOUR, max: 15 * HOUR });
  assert.deepEqual(panned(near, -10 * HOUR, whole), { min: 0, max: 12 * HOUR });
  assert.deepEqual(panned(near, 100 * HOUR, whole), { min: 12 * HOUR, max: 24 * HOUR });
  assert.deepEqual(zoomed(near, 100, 6 * HOUR, whole), { min: 0, max: 24 * HOUR });
  assert.ok(zoomed(near, 1e-9, 6 * HOUR, whole).max - zoomed(near, 1e-9, 6 * HOUR, whole).min >= 30 * 60_000);
});

test("a time of another day is written with its date", () => {
  const now = at("2026-11-25T15:00:00Z");
  assert.equal(timeFrom(now, now + 2.25 * HOUR, ZONE), "18:15");
  assert.equal(timeFrom(now, now + 12 * HOUR, ZONE), "Thu 26 Nov 04:00");
  assert.equal(timeFrom(now, Date.parse("2099-01-01T00:00:00Z"), ZONE), "1 Jan 2099 01:00");
});

test("ticks are round local times also in zones with a half-hour offset", () => {
  const shown = (day, zone) => {
    const { from, to } = dayWindow(day, zone);
    return ticks({ min: from + 1, max: to }, 957, zone, 58).map((tick) => clockOnly(tick.at, zone));
  };
  for (const zone of ["America/St_Johns", "Asia/Kolkata", "Asia/Kathmandu"]) assert.deepEqual(shown("2026-11-26", zone).slice(0, 2), ["02:00", "04:00"]);
  assert.deepEqual(shown("2026-04-05", "Australia/Lord_Howe").slice(0, 2), ["02:00", "04:00"]);
});

test("every marked day of a long window has room for its date", () => {
  const month = { min: 0, max: 31 * 24 * HOUR };
  const [first, second] = ticks(month, 960, "UTC", 58);
  assert.ok(((second.at - first.at) / (month.max - month.min)) * 960 > 80);
});

test("times in a repeated hour name the zone", () => {
  const first = at("2026-10-25T00:15:00Z");
  assert.equal(span(first, first + HOUR, { zone: ZONE, separator: "and" }), "02:15 CEST and 02:15 CET");
  assert.deepEqual([-HOUR / 2, 1.75 * HOUR].map((after) => clock(first + after, ZONE)), ["01:45", "03:00"]);
  assert.deepEqual(["2026-03-29T01:00:00Z", "2026-11-25T15:00:00Z"].map((text) => clock(at(text), ZONE)), ["03:00", "16:00"]);
});

test("spans have dates only where needed", () => {
  const from = at("2026-11-25T15:00:00Z");
  assert.equal(span(from, from + 2.25 * HOUR, { zone: ZONE, separator: "and" }), "16:00 and 18:15");
  assert.equal(span(from, from + 2.25 * HOUR, { zone: ZONE, isDated: true }), "Wed 25 Nov 16:00 to 18:15");
  assert.match(span(from, from + 12 * HOUR, { zone: ZONE }), /Wed 25 Nov 16:00 to Thu 26 Nov 04:00/);
  assert.equal(span(from, at("2026-11-25T23:00:00Z"), { zone: ZONE }), "16:00 to 00:00");
  assert.equal(utc(from), "2026-11-25 15:00 UTC");
});

test("a tooltip has local time and UTC", () => {
  const [from, to] = ["2026-11-25T22:30:00Z", "2026-11-25T22:45:00Z"].map(Date.parse);
  assert.equal(spanWithUtc(from, to, { zone: "Europe/Copenhagen", separator: "to" }), "23:30 to 23:45 (22:30 to 22:45 UTC)");
});
