// Where things stand: bars of limits, rows that are shown, overlaps.

/** True if two half-open spans have a moment in common. */
export const overlap = (a, b) => a.from < b.to && b.from < a.to;

/** What two spans have in common, null if nothing. */
export function common(a, b) {
  const span = { from: Math.max(a.from, b.from), to: Math.min(a.to, b.to) };
  return span.from < span.to ? span : null;
}

/** Which of `count` rows of one height to draw, with some beyond the edge: [first, last). */
export function shownRows(count, height, top, room, beyond = 4) {
  const first = Math.min(Math.max(0, Math.floor(top / height) - beyond), count);
  return [first, Math.min(count, Math.ceil((top + room) / height) + beyond)];
}

/** What a limit is now, for whoever looks at `now`: time alone ends it, and nobody tells. */
export function statusAt(limit, now) {
  if (limit.status !== "active") return limit.status;
  if (limit.end !== null && Date.parse(limit.end) <= now) return "expired";
  return Date.parse(limit.start) > now ? "ahead" : "in_force";
}

/** Emergencies in force at `now`, the latest first. */
export function emergencies(limits, now) {
  return limits
    .filter((limit) => limit.kind === "unforeseen" && statusAt(limit, now) === "in_force")
    .sort((a, b) => Date.parse(b.start) - Date.parse(a.start));
}

/** The bars of a limit: one for each interval that it gives, or one for an emergency; in ms, as far as it stood. */
export function bars(limit) {
  if (!limit.available) return [{ from: Date.parse(limit.start), to: Date.parse(limit.end) }];
  const stop = limit.status === "ended" ? Date.parse(limit.end) : Infinity;
  return limit.available
    .map((slot) => ({ from: Date.parse(slot.start), to: Math.min(Date.parse(slot.end), stop), power_kw: slot.power_kw }))
    .filter((bar) => bar.from < bar.to);
}

/** The part of one operator in a limit as spans, empty for an emergency. */
export function partSpans(limit, operator) {
  const part = limit.parts?.find((each) => each.operator === operator);
  if (!part?.parts_kw) return [];
  return bars(limit).map((bar, index) => ({ ...bar, power_kw: part.parts_kw[index] }));
}

/** Plan and part of a conflict as steps, one point where either changes; null where nothing is known. */
export function conflictCurve(conflict, spans) {
  const intervals = conflict.intervals.map((each) => ({ ...each, from: Date.parse(each.start), to: Date.parse(each.end) }));
  const edges = [...intervals, ...spans].flatMap(({ from, to }) => [from, to]);
  const at = [...new Set(edges)].sort((a, b) => a - b);
  const holds = (list, moment) => list.find((each) => each.from <= moment && moment < each.to);
  return {
    at,
    part: at.map((moment) => holds(intervals, moment)?.part_kw ?? holds(spans, moment)?.power_kw ?? null),
    planned: at.map((moment) => holds(intervals, moment)?.planned_kw ?? null),
  };
}
