// Layout: bars of limits, visible rows, ranges of conflict charts.

/** Return which of `count` rows to render, with some rows beyond the visible area: [first, last). */
export function shownRows(count, height, top, room, margin = 4) {
  const first = Math.min(Math.max(0, Math.floor(top / height) - margin), count);
  return [first, Math.min(count, Math.ceil((top + room) / height) + margin)];
}

/** Return the extra height of a row when the list is shorter than the room: at most half of `height`. */
export const extraHeight = (count, height, room) => Math.max(0, Math.min(Math.floor(height / 2), Math.floor(room / Math.max(count, 1)) - height));

/** Return the status of a limit at `now`: a limit starts and expires by time, without a change event. */
export function statusAt(limit, now) {
  if (limit.status !== "active") return limit.status;
  if (limit.end !== null && Date.parse(limit.end) <= now) return "expired";
  return Date.parse(limit.start) > now ? "ahead" : "in_force";
}

/** Return the emergencies in force at `now`, last accepted first: several may start in the same minute. */
export function emergencies(limits, now) {
  const acceptedAt = (limit) => Date.parse(limit.revisions.at(-1).accepted_at);
  return limits
    .filter((limit) => limit.kind === "unforeseen" && statusAt(limit, now) === "in_force")
    .sort((a, b) => acceptedAt(b) - acceptedAt(a));
}

/** Return the latest emergencies for the banner, and the number of further emergencies. */
export function banners(limits, now, maximum = 3) {
  const inForce = emergencies(limits, now);
  return { shown: inForce.slice(0, maximum), more: Math.max(0, inForce.length - maximum) };
}

/** Return the bars of a limit until its end, in ms: one per interval of a foreseen limit, one for an emergency. */
export function bars(limit) {
  if (!limit.available) return [{ from: Date.parse(limit.start), to: Date.parse(limit.end) }];
  const stop = limit.status === "ended" ? Date.parse(limit.end) : Infinity;
  return limit.available
    .map((slot) => ({ from: Date.parse(slot.start), to: Math.min(Date.parse(slot.end), stop), power_kw: slot.power_kw }))
    .filter((bar) => bar.from < bar.to);
}

/** Return the columns of plan and part from the intervals of a conflict, until the route gives them for the whole window. */
export function curveOfIntervals(conflict, from) {
  const intervals = conflict.intervals.map((interval) => ({ ...interval, from: Date.parse(interval.start), to: Date.parse(interval.end) }));
  const at = [...new Set([from, ...intervals.flatMap(({ from, to }) => [from, to])])].sort((a, b) => a - b);
  const holding = at.map((instant) => intervals.find(({ from, to }) => from <= instant && instant < to));
  return {
    minutes: at.map((instant) => (instant - from) / 60_000),
    planned_kw: holding.map((interval) => interval?.planned_kw ?? null),
    part_kw: holding.map((interval) => interval?.part_kw ?? null),
    unknown_kw: holding.map(() => 0),
  };
}

/** Return the upper end of a conflict's chart in kW. A large unknown part is cut off, because it would hide the conflict. */
export function reachOf(conflict, curve) {
  const most = (values) => Math.max(0, ...values);
  const known = most([...curve.planned_kw, ...curve.part_kw, ...conflict.intervals.map(topOf)]);
  const all = most(curve.planned_kw.map((value, index) => (value ?? 0) + curve.unknown_kw[index]));
  const shown = conflict.kind === "unknown" ? Math.max(all, conflict.unknown.up_to_kw) : Math.min(all, 2 * known);
  return Math.max(known, shown, 1) * 1.12;
}

/** Return the upper end of an interval's excess. Under a hold a step counts in both directions, even if plan and part are equal. */
export const topOf = ({ planned_kw, part_kw, excess_kw }) => Math.max(planned_kw, part_kw, Math.min(planned_kw, part_kw) + excess_kw);
