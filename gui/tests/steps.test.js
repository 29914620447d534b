import assert from "node:assert/strict";
import { test } from "node:test";
import { bothDirections, changes, differences, extent, isChanged, resampled, signed, stepAt, summed, thinned, total, unknownOf } from "../rules/steps.js";

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

test("power without a plan is unknown, not zero", () => {
  const { up, down, net } = signed(plan().current);
  assert.deepEqual(up, [null, 400, 300]);
  assert.deepEqual(down, [null, -50, -0]);
  assert.deepEqual(net, [null, 350, 300]);
});

test("the unknown power is the installed power without any plan, else the power of the assets without a plan", () => {
  assert.deepEqual(unknownOf(plan(), "production"), [500, 60, 60]);
  assert.deepEqual(unknownOf(plan(), "consumption"), [80, 0, 0]);
});

test("plans of several operators are summed at every change", () => {
  const other = plan({
    current: { minutes: [0, 600], planned_assets: [1, 1], production_kw: [10, 20], consumption_kw: [0, 0] },
  });
  const sum = total([plan(), other]);
  assert.deepEqual([...sum.minutes], [0, 360, 600, 720]);
  assert.deepEqual(sum.up, [10, 410, 420, 320]);
  assert.deepEqual(sum.unknownUp, [560, 120, 120, 120]);
  assert.equal(sum.isChanged, false);
});

test("a sum contains the first announcement beside the plan", () => {
  const sum = total([
    plan({ announced: { minutes: [0, 360], planned_assets: [0, 2], production_kw: [0, 560], consumption_kw: [0, 50] } }),
  ]);
  assert.equal(sum.isChanged, true);
  assert.deepEqual(sum.upBefore, [null, 560, 560]);
  assert.deepEqual(sum.up, [null, 400, 300]);
});

test("the first announcement is drawn only where it differs", () => {
  const before = { minutes: [0, 60], up: [5, 9], down: [0, -2] };
  const now = { minutes: [0, 90], up: [5, 7], down: [0, -2] };
  const drawn = differences(before, now);
  assert.deepEqual([...drawn.minutes], [0, 60, 90]);
  assert.deepEqual(drawn.up, [null, 9, 9]);
  assert.deepEqual(drawn.down, [null, -2, null]);
});

test("a sum of unknown values is unknown", () => {
  assert.deepEqual(summed([0], [{ minutes: [0], column: [null] }]), [null]);
  assert.deepEqual(summed([0], []), [null]);
});

test("steps are resampled at other minutes", () => {
  assert.deepEqual(resampled([0, 60], [1, 2], changes([0, 60], [30, 60, 90])), [1, 1, 2, 2]);
});

test("merged steps keep their extremes, and a gap remains a gap", () => {
  const merged = thinned([0, 1, 2, 3, 10], [5, 9, 1, 5, null], 20, 5);
  assert.deepEqual(merged, [
    { from: 0, to: 10, low: 1, high: 9, last: 5 },
    { from: 10, to: 20, low: null, high: null, last: null },
  ]);
});

test("ten thousand steps are merged by pixel", () => {
  const minutes = Array.from({ length: 10_000 }, (_, index) => index);
  assert.ok(thinned(minutes, minutes, 10_000, 10).length <= 1001);
});

test("the extent of columns ignores unknown values", () => {
  assert.deepEqual(extent([1, null, -3], [7]), [-3, 7]);
});

test("an asset's power is split into production and consumption, unknown stays unknown", () => {
  const { up, down } = bothDirections({ minutes: [0, 15, 30], power_kw: [null, 5, -7] });
  assert.deepEqual([up, down], [[null, 5, 0], [null, 0, -7]]);
});

test("a plan counts as changed only if a different plan was announced", () => {
  assert.deepEqual([{}, { announced: { power_kw: [null] } }, { announced: { power_kw: [null, 0] } }].map(isChanged), [false, false, true]);
});
