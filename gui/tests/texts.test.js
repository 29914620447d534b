import assert from "node:assert/strict";
import { test } from "node:test";
import { assetsCsv, conflictsCsv, csv, plansCsv } from "../rules/csv.js";
import { age, energy, number, power, roundSteps } from "../rules/numbers.js";
import { keyOf, sentence } from "../rules/sentences.js";
import { readFragment, signInCode, writeFragment } from "../rules/share.js";
import { texts, textsOf } from "../rules/texts.js";

const ZONE = "Europe/Copenhagen";
const conflict = (more) => ({
  dso: "5790000000005",
  limit_id: "3f0c",
  operator: "5790000000012",
  name: "Alpha",
  kind: "over_part",
  direction: "production",
  start: "2026-11-25T14:00:00Z",
  end: "2026-11-25T18:00:00Z",
  peak_excess_kw: 140,
  excess_kwh: 226.5,
  intervals: [
    { start: "2026-11-25T15:00:00Z", end: "2026-11-25T16:00:00Z", planned_kw: 475, part_kw: 375, excess_kw: 100 },
    { start: "2026-11-25T16:00:00Z", end: "2026-11-25T17:15:00Z", planned_kw: 515, part_kw: 375, excess_kw: 140 },
  ],
  unknown: { asset_count: 0, up_to_kw: 0 },
  ...more,
});

test("a conflict is described by a sentence", () => {
  assert.equal(
    sentence(conflict(), "North Grid", { texts, zone: ZONE }),
    "Between 16:00 and 18:15, Alpha plans up to 140 kW more production than its part.",
  );
});

test("every kind of conflict has a sentence, and an unknown plan has an upper bound", () => {
  const sentenceOf = (kind) => sentence(conflict({ kind, intervals: [], unknown: { asset_count: 2, up_to_kw: 80 } }), "North Grid", { texts, zone: ZONE });
  assert.match(sentenceOf("planned_under_stop"), /140 kW of production during a stop by North Grid\.$/);
  assert.match(sentenceOf("short_of_start"), /less production than a start by North Grid requires\.$/);
  assert.match(sentenceOf("step_under_hold"), /step of up to 140 kW during a hold by North Grid\.$/);
  assert.match(sentenceOf("unknown"), /Between 15:00 and 19:00, .* 2 assets without a plan, up to 80 kW/);
});

test("an unknown plan under an emergency is not compared with a part", () => {
  const unknown = conflict({ kind: "unknown", limit_kind: "unforeseen", intervals: [], unknown: { asset_count: 1, up_to_kw: 60 } });
  assert.match(sentence(unknown, "North Grid", { texts, zone: ZONE }), /the plan of Alpha during an emergency of North Grid is unknown: 1 asset without a plan, up to 60 kW/);
});

test("conflicts of one operator and one limit differ by kind", () => {
  assert.notEqual(keyOf(conflict()), keyOf(conflict({ kind: "unknown" })));
});

test("power and energy have units, large values have larger units", () => {
  assert.deepEqual([0, 0.001, 0.125, 22.05, 1234.5, 17505, 250_000].map((kw) => power(kw)), ["0 kW", "0.001 kW", "0.13 kW", "22.1 kW", "1,235 kW", "17.5 MW", "250 MW"]);
  assert.equal(energy(226.5), "227 kWh");
  assert.equal(power(-5), "−5 kW");
  assert.equal(number(-0), "0");
});

test("an age is rounded down and never negative", () => {
  assert.deepEqual([-5, 59_999, 60_000, 7_200_000, 90_000_000].map(age), ["0 s", "59 s", "1 min", "2 h", "1 d"]);
});

test("an axis has round numbers", () => {
  assert.deepEqual(roundSteps(0, 1000, 4), [0, 250, 500, 750, 1000]);
  assert.deepEqual(roundSteps(-90, 100, 4), [-50, 0, 50, 100]);
});

test("an address restores the view and contains no token", () => {
  const state = {
    view: "conflicts",
    operator: "5790000000012",
    day: "2026-11-25",
    zoom: { min: Date.parse("2026-11-25T10:00:00Z"), max: Date.parse("2026-11-25T14:00:00Z") },
    selected: "5790000000005/3f0c/5790000000012/over_part",
  };
  assert.deepEqual(readFragment(writeFragment(state)), state);
  const free = { view: "limits", window: { from: Date.parse("2026-11-24T10:00Z"), to: Date.parse("2026-11-26T10:00Z") } };
  assert.deepEqual(readFragment(writeFragment(free)), free);
  assert.ok(!writeFragment({ ...state, token: "secret" }).includes("secret"));
});

test("invalid values of an address are ignored", () => {
  assert.deepEqual(readFragment("#nothing?operator=<x>&day=2026-13-01&from=x&to=y"), { view: "plans" });
  assert.deepEqual(readFragment(""), { view: "plans" });
  assert.equal(readFragment("#limits?from=2026-01-01T00:00Z&to=2027-01-01T00:00Z").window, undefined);
});

test("a day or window that the platform refuses is ignored", () => {
  for (const day of ["0000-01-01", "0099-12-31", "1970-01-01", "9999-12-31"]) assert.deepEqual(readFragment(`#limits?day=${day}`), { view: "limits" });
  for (const year of ["-000001", "%2B275000"]) assert.equal(readFragment(`#limits?from=${year}-01-01T00:00Z&to=${year}-01-02T00:00Z`).window, undefined);
});

test("a code is read from a sign-in link only", () => {
  assert.equal(signInCode(`#sign-in=${"a".repeat(43)}`), "a".repeat(43));
  for (const other of ["#plans", "#sign-in=", "#sign-in=a b", "#plans?sign-in=" + "a".repeat(43)]) assert.equal(signInCode(other), null);
});

test("a cell that a spreadsheet would run becomes text, and quotes are doubled", () => {
  assert.equal(csv(["a"], [["=1+1"], ["  @x"], ["a;=1"], ['say "x", y'], [null], [-5]]), "a\r\n'=1+1\r\n'  @x\r\na;'=1\r\n\"say \"\"x\"\", y\"\r\n\r\n-5\r\n");
});

test("a missing plan is an empty cell, not zero", () => {
  const schedule = { operator: "1", name: "Alpha", current: { minutes: [0, 60], planned_assets: [0, 1], production_kw: [0, 5], consumption_kw: [0, 0] } };
  const text = plansCsv({ from: "2026-11-25T00:00:00Z", schedules: [schedule] });
  assert.equal(text.split("\r\n")[1], "1,Alpha,2026-11-25T00:00:00Z,,,0,,,0");
  assert.equal(text.split("\r\n")[2], "1,Alpha,2026-11-25T01:00:00Z,5,0,1,5,0,1");
  assert.equal(conflictsCsv([conflict()]).split("\r\n").length, 4);
});

test("the first announcement is exported at the times of both plans", () => {
  const changed = { asset_id: "A", operator: "1", minutes: [0, 60], power_kw: [null, 5], announced: { minutes: [0, 30], power_kw: [null, 7] } };
  const same = { asset_id: "B", operator: "1", minutes: [0], power_kw: [3] };
  const lines = assetsCsv(Date.parse("2026-11-25T00:00:00Z"), [changed, same]).split("\r\n").slice(1, -1);
  assert.deepEqual(lines.map((line) => line.replace(/2026-11-25T|:00Z/g, "")), ["A,1,00:00,,", "A,1,00:30,,7", "A,1,01:00,5,7", "B,1,00:00,3,3"]);
});

test("an unknown language falls back to English", () => {
  assert.equal(textsOf(["xx-YY"]), texts);
  assert.equal(textsOf(["en-US"]), texts);
});
