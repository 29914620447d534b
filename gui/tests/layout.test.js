import assert from "node:assert/strict";
import { test } from "node:test";
import { banners, bars, curveOfIntervals, emergencies, reachOf, extraHeight, shownRows, statusAt, topOf } from "../rules/layout.js";

const T = (hour) => Date.parse("2026-11-25T00:00:00Z") + hour * 3_600_000;
const iso = (hour) => new Date(T(hour)).toISOString();
const foreseen = (more) => ({
  kind: "foreseen",
  status: "active",
  start: iso(8),
  end: iso(12),
  available: [
    { start: iso(8), end: iso(10), power_kw: 500 },
    { start: iso(11), end: iso(12), power_kw: 300 },
  ],
  parts: [{ operator: "1", parts_kw: [200, 100] }],
  ...more,
});
const acceptedAt = (...hours) => hours.map((hour, index) => ({ revision: index + 1, status: "active", accepted_at: iso(hour) }));
const stop = (more) => ({ kind: "unforeseen", status: "active", action: "stop", start: iso(9), end: iso(10), revisions: acceptedAt(9), ...more });

test("a limit starts and expires by time alone", () => {
  assert.deepEqual([7, 8, 11.9, 12].map((hour) => statusAt(foreseen(), T(hour))), ["ahead", "in_force", "in_force", "expired"]);
  assert.equal(statusAt(foreseen({ status: "cancelled" }), T(9)), "cancelled");
});

test("emergencies in force are sorted by acceptance, last first, also within one minute", () => {
  const later = stop({ revisions: acceptedAt(9, 9.005), id: "later" });
  const inForce = emergencies([stop(), foreseen(), later, stop({ status: "ended" }), stop({ end: iso(9.3) })], T(9.5));
  assert.deepEqual(inForce.map((limit) => limit.id), ["later", undefined]);
});

test("a limit has one bar per interval and none after its end", () => {
  assert.deepEqual(bars(foreseen()).map((bar) => bar.power_kw), [500, 300]);
  assert.deepEqual(bars(foreseen({ status: "ended", end: iso(9) })).map(({ from, to }) => [from, to]), [[T(8), T(9)]]);
  assert.deepEqual(bars(stop()), [{ from: T(9), to: T(10) }]);
});

test("the banner shows three emergencies and the number of further emergencies", () => {
  const five = [1, 2, 3, 4, 5].map((id) => stop({ id }));
  assert.deepEqual(banners(five, T(9.5)).shown.length, 3);
  assert.equal(banners(five, T(9.5)).more, 2);
  assert.equal(banners(five.slice(3), T(9.5)).more, 0);
});

const conflict = (more) => ({
  kind: "over_part",
  intervals: [{ start: iso(8.5), end: iso(9), planned_kw: 250, part_kw: 200, excess_kw: 50 }],
  unknown: { asset_count: 0, up_to_kw: 0 },
  ...more,
});

test("a conflict is drawn from its intervals until its curve is loaded", () => {
  const curve = curveOfIntervals(conflict(), T(8));
  assert.deepEqual(curve.minutes, [0, 30, 60]);
  assert.deepEqual(curve.part_kw, [null, 200, null]);
  assert.deepEqual(curve.planned_kw, [null, 250, null]);
});

test("a conflict's chart covers plan and part, and a large unknown part is cut off", () => {
  const curve = (unknown) => ({ planned_kw: [250, null], part_kw: [200, 200], unknown_kw: [unknown, unknown] });
  const rounded = (...given) => Math.round(reachOf(...given));
  assert.equal(rounded(conflict(), curve(0)), 280);
  assert.equal(rounded(conflict(), curve(100)), 392);
  assert.equal(rounded(conflict(), curve(9000)), 560);
  assert.equal(rounded(conflict({ kind: "unknown", intervals: [], unknown: { up_to_kw: 9000 } }), curve(9000)), 10360);
});

test("under a hold a step is visible even if plan and part are equal", () => {
  assert.equal(topOf({ planned_kw: 100, part_kw: 100, excess_kw: 40 }), 140);
  assert.equal(topOf({ planned_kw: 250, part_kw: 200, excess_kw: 50 }), 250);
});

test("a short list has higher rows, a long list does not", () => {
  assert.deepEqual([[3, 60, 300], [3, 60, 200], [50, 60, 300], [0, 60, 300]].map((given) => extraHeight(...given)), [30, 6, 0, 30]);
});

test("of a thousand rows only the visible rows and a margin are rendered", () => {
  assert.deepEqual(shownRows(1000, 50, 5000, 500, 4), [96, 114]);
  assert.deepEqual(shownRows(3, 50, 0, 500, 4), [0, 3]);
  assert.deepEqual(shownRows(0, 50, 0, 500, 4), [0, 0]);
  assert.deepEqual(shownRows(5, 50, 9999, 500, 4), [5, 5]);
});
