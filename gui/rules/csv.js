// CSV (RFC 4180) of the data shown: times in UTC, power in kW, energy in kWh.

import { bars } from "./layout.js";
import { changes, resampled } from "./steps.js";
import { iso } from "./time.js";

/** Return the rows as CSV. An apostrophe stops spreadsheets from running a cell as a formula, also those that split cells at semicolons. */
export function csv(headings, rows) {
  return [headings, ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

function cell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = String(value).replace(/(^|[;\t\r\n])(?=\s*[=+\-@])/g, "$1'");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Return the plans of operators: one row per operator and step, as planned now and as first announced. */
export function plansCsv(answer) {
  const from = Date.parse(answer.from);
  const headings = ["operator", "name", "start_utc", "production_kw", "consumption_kw", "planned_assets"];
  const rows = answer.schedules.flatMap(({ operator, name, current, announced = current }) => {
    const at = changes(current.minutes, announced.minutes);
    const columnsOf = (steps) => ["production_kw", "consumption_kw", "planned_assets"].map((column) => resampled(steps.minutes, steps[column], at));
    const known = ([up, down, count], index) => [count[index] ? up[index] : null, count[index] ? down[index] : null, count[index]];
    const [now, before] = [columnsOf(current), columnsOf(announced)];
    return Array.from(at, (minute, index) => [operator, name, iso(from + minute * 60_000), ...known(now, index), ...known(before, index)]);
  });
  return csv([...headings, ...headings.slice(3).map((name) => `announced_${name}`)], rows);
}

/** Return the plans of assets: one row per asset and step, as planned now and as first announced. */
export function assetsCsv(from, assets) {
  const rows = assets.flatMap(({ asset_id, operator, announced, ...now }) => {
    const before = announced ?? now;
    const at = changes(now.minutes, before.minutes);
    const [power, first] = [now, before].map((steps) => resampled(steps.minutes, steps.power_kw, at));
    return Array.from(at, (minute, index) => [asset_id, operator, iso(from + minute * 60_000), power[index], first[index]]);
  });
  return csv(["asset_id", "operator", "start_utc", "power_kw", "announced_kw"], rows);
}

/** Return limits: one row per interval. */
export function limitsCsv(limits) {
  const headings = ["dso", "id", "revision", "kind", "status", "direction", "action", "start_utc", "end_utc", "power_kw", "assets"];
  const rows = limits.flatMap((limit) =>
    bars(limit).map((bar) => [
      limit.dso,
      limit.id,
      limit.revision,
      limit.kind,
      limit.status,
      limit.direction,
      limit.action,
      iso(bar.from),
      iso(bar.to),
      bar.power_kw,
      limit.asset_count,
    ]),
  );
  return csv(headings, rows);
}

/** Return conflicts: one row per interval. */
export function conflictsCsv(conflicts) {
  const headings = ["dso", "limit", "operator", "name", "kind", "direction", "start_utc", "end_utc", "planned_kw", "part_kw", "excess_kw"];
  const rows = conflicts.flatMap((conflict) =>
    (conflict.intervals.length ? conflict.intervals : [{ start: conflict.start, end: conflict.end }]).map((interval) => [
      conflict.dso,
      conflict.limit_id,
      conflict.operator,
      conflict.name,
      conflict.kind,
      conflict.direction,
      iso(Date.parse(interval.start)),
      iso(Date.parse(interval.end)),
      interval.planned_kw,
      interval.part_kw,
      interval.excess_kw,
    ]),
  );
  return csv(headings, rows);
}
