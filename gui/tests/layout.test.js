import assert from "node:assert/strict";
import { test } from "node:test";
import { bars, common, conflictCurve, emergencies, overlap, partSpans, shownRows, statusAt } from "../rules/layout.js";

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
const stop = (more) => ({ kind: "unforeseen", status: "active", action: "stop", start: iso(9), end: iso(10), ...more });

test("spans that only touch have nothing in common", () => {
  assert.equal(overlap({ from: 0, to: 5 }, { from: 5, to: 9 }), false);
  assert.equal(common({ from: 0, to: 5 }, { from: 5, to: 9 }), null);
  assert.deepEqual(common({ from: 0, to: 6 }, { from: 5, to: 9 }), { from: 5, to: 6 });
});

test("time alone makes a limit begin and expire", () => {
  assert.deepEqual([7, 8, 11.9, 12].map((hour) => statusAt(foreseen(), T(hour))), ["ahead", "in_force", "in_force", "expired"]);
  assert.equal(statusAt(foreseen({ status: "cancelled" }), T(9)), "cancelled");
});

test("emergencies are those in force, the latest first", () => {
  const later = stop({ start: iso(9.2), id: "later" });
  const found = emergencies([stop(), foreseen(), later, stop({ status: "ended" }), stop({ end: iso(9.3) })], T(9.5));
  assert.deepEqual(found.map((limit) => limit.id), ["later", undefined]);
});

test("a limit has a bar for each interval, none after it was ended", () => {
  assert.deepEqual(bars(foreseen()).map((bar) => bar.power_kw), [500, 300]);
  assert.deepEqual(bars(foreseen({ status: "ended", end: iso(9) })).map(({ from, to }) => [from, to]), [[T(8), T(9)]]);
  assert.deepEqual(bars(stop()), [{ from: T(9), to: T(10) }]);
});

test("an operator's part belongs to the interval at the same place", () => {
  assert.deepEqual(partSpans(foreseen(), "1").map((span) => span.power_kw), [200, 100]);
  assert.deepEqual(partSpans(foreseen(), "2"), []);
  assert.deepEqual(partSpans(stop({ parts: [{ operator: "1" }] }), "1"), []);
});

test("plan and part of a conflict are steps; between them nothing is known", () => {
  const conflict = { intervals: [{ start: iso(8.5), end: iso(9), planned_kw: 250, part_kw: 200, excess_kw: 50 }] };
  const { at, part, planned } = conflictCurve(conflict, partSpans(foreseen(), "1"));
  assert.deepEqual(at, [8, 8.5, 9, 10, 11, 12].map(T));
  assert.deepEqual(part, [200, 200, 200, null, 100, null]);
  assert.deepEqual(planned, [null, 250, null, null, null, null]);
});

test("of a thousand rows only those that are seen are drawn, with some beyond the edge", () => {
  assert.deepEqual(shownRows(1000, 50, 5000, 500, 4), [96, 114]);
  assert.deepEqual(shownRows(3, 50, 0, 500, 4), [0, 3]);
  assert.deepEqual(shownRows(0, 50, 0, 500, 4), [0, 0]);
  assert.deepEqual(shownRows(5, 50, 9999, 500, 4), [5, 5]);
});
