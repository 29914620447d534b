import assert from "node:assert/strict";
import { test } from "node:test";
import { bothWays, changes, extent, isChanged, otherwise, resampled, signed, stepAt, summed, thinned, total, unknownOf } from "../rules/steps.js";

const plan = (more) => ({
  operator: "1",
  name: "Alpha",
  installed_production_kw: 500,
  installed_consumption_kw: 80,
  unplanned_production_kw: 60,
  unplanned_consumption_kw: 0,
  current: { minutes: [0, 360, 720], planned_assets: [0, 2, 2], production_kw: [0, 400, 300], consumption_kw: [0, 50, 0] },
  ...more,
});

test("a step holds from its minute until the next", () => {
  assert.deepEqual([-1, 0, 359, 360, 9999].map((minute) => stepAt([0, 360, 720], minute)), [-1, 0, 0, 1, 2]);
});

test("where nobody has planned it is unknown, and not zero", () => {
  const { up, down, net } = signed(plan().current);
  assert.deepEqual(up, [null, 400, 300]);
  assert.deepEqual(down, [null, -50, -0]);
  assert.deepEqual(net, [null, 350, 300]);
});

test("what is unknown is up to all that is installed where nothing is planned, else what no plan names", () => {
  assert.deepEqual(unknownOf(plan(), "production"), [500, 60, 60]);
  assert.deepEqual(unknownOf(plan(), "consumption"), [80, 0, 0]);
});

test("plans of several operators add up at each change of any", () => {
  const other = plan({
    current: { minutes: [0, 600], planned_assets: [1, 1], production_kw: [10, 20], consumption_kw: [0, 0] },
  });
  const sum = total([plan(), other]);
  assert.deepEqual([...sum.minutes], [0, 360, 600, 720]);
  assert.deepEqual(sum.up, [10, 410, 420, 320]);
  assert.deepEqual(sum.unknownUp, [560, 120, 120, 120]);
  assert.equal(sum.isChanged, false);
});

test("what was announced is told beside what is planned now", () => {
  const sum = total([
    plan({ announced: { minutes: [0, 360], planned_assets: [0, 2], production_kw: [0, 560], consumption_kw: [0, 50] } }),
  ]);
  assert.equal(sum.isChanged, true);
  assert.deepEqual(sum.upBefore, [null, 560, 560]);
  assert.deepEqual(sum.up, [null, 400, 300]);
});

test("what was announced is drawn where it was otherwise, and nowhere else", () => {
  const before = { minutes: [0, 60], up: [5, 9], down: [0, -2] };
  const now = { minutes: [0, 90], up: [5, 7], down: [0, -2] };
  const drawn = otherwise(before, now);
  assert.deepEqual([...drawn.minutes], [0, 60, 90]);
  assert.deepEqual(drawn.up, [null, 9, 9]);
  assert.deepEqual(drawn.down, [null, -2, null]);
});

test("a sum of what nobody knows is unknown", () => {
  assert.deepEqual(summed([0], [{ minutes: [0], column: [null] }]), [null]);
  assert.deepEqual(summed([0], []), [null]);
});

test("steps are told at other minutes", () => {
  assert.deepEqual(resampled([0, 60], [1, 2], changes([0, 60], [30, 60, 90])), [1, 1, 2, 2]);
});

test("many steps a pixel keep their extremes, and a gap stays a gap", () => {
  const found = thinned([0, 1, 2, 3, 10], [5, 9, 1, 5, null], 20, 5);
  assert.deepEqual(found, [
    { from: 0, to: 10, low: 1, high: 9, last: 5 },
    { from: 10, to: 20, low: null, high: null, last: null },
  ]);
});

test("ten thousand steps are at most two a pixel", () => {
  const minutes = Array.from({ length: 10_000 }, (_, index) => index);
  assert.ok(thinned(minutes, minutes, 10_000, 10).length <= 1001);
});

test("columns reach from the smallest to the largest of what is known", () => {
  assert.deepEqual(extent([1, null, -3], [7]), [-3, 7]);
});

test("an asset's power goes two ways, and where it is not planned neither", () => {
  const { up, down } = bothWays({ minutes: [0, 15, 30], power_kw: [null, 5, -7] });
  assert.deepEqual([up, down], [[null, 5, 0], [null, 0, -7]]);
});

test("a plan is called changed only if something was announced", () => {
  assert.deepEqual([{}, { announced: { power_kw: [null] } }, { announced: { power_kw: [null, 0] } }].map(isChanged), [false, false, true]);
});
