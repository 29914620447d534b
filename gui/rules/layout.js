// Where things stand: bars of limits, rows that are shown, charts of conflicts.

/** Which of `count` rows of one height to draw, with some beyond the edge: [first, last). */
export function shownRows(count, height, top, room, beyond = 4) {
  const first = Math.min(Math.max(0, Math.floor(top / height) - beyond), count);
  return [first, Math.min(count, Math.ceil((top + room) / height) + beyond)];
}

/** How much higher than `height` each of a few rows can be in so much room: half as high again at most. */
export const roomier = (count, height, room) => Math.max(0, Math.min(Math.floor(height / 2), Math.floor(room / Math.max(count, 1)) - height));

/** What a limit is now, for whoever looks at `now`: time alone ends it, and nobody tells. */
export function statusAt(limit, now) {
  if (limit.status !== "active") return limit.status;
  if (limit.end !== null && Date.parse(limit.end) <= now) return "expired";
  return Date.parse(limit.start) > now ? "ahead" : "in_force";
}

/** Emergencies in force at `now`, what was told last first: several may begin with the same minute. */
export function emergencies(limits, now) {
  const toldAt = (limit) => Date.parse(limit.revisions.at(-1).accepted_at);
  return limits
    .filter((limit) => limit.kind === "unforeseen" && statusAt(limit, now) === "in_force")
    .sort((a, b) => toldAt(b) - toldAt(a));
}

/** What stands above everything: the latest emergencies, and how many more there are. */
export function banners(limits, now, most = 3) {
  const found = emergencies(limits, now);
  return { shown: found.slice(0, most), more: Math.max(0, found.length - most) };
}

/** The bars of a limit: one for each interval that it gives, or one for an emergency; in ms, as far as it stood. */
export function bars(limit) {
  if (!limit.available) return [{ from: Date.parse(limit.start), to: Date.parse(limit.end) }];
  const stop = limit.status === "ended" ? Date.parse(limit.end) : Infinity;
  return limit.available
    .map((slot) => ({ from: Date.parse(slot.start), to: Math.min(Date.parse(slot.end), stop), power_kw: slot.power_kw }))
    .filter((bar) => bar.from < bar.to);
}

/** Plan and part of a conflict by its intervals alone, as the route gives them over all of the window: in columns. */
export function curveOfIntervals(conflict, from) {
  const intervals = conflict.intervals.map((each) => ({ ...each, from: Date.parse(each.start), to: Date.parse(each.end) }));
  const at = [...new Set([from, ...intervals.flatMap((each) => [each.from, each.to])])].sort((a, b) => a - b);
  const holding = at.map((instant) => intervals.find((each) => each.from <= instant && instant < each.to));
  return {
    minutes: at.map((instant) => (instant - from) / 60_000),
    planned_kw: holding.map((each) => each?.planned_kw ?? null),
    part_kw: holding.map((each) => each?.part_kw ?? null),
    unknown_kw: holding.map(() => 0),
  };
}

/** How high a conflict's chart reaches, in kW. What is unknown is cut off at twice the rest: it would hide the conflict. */
export function reachOf(conflict, curve) {
  const most = (values) => Math.max(0, ...values);
  const known = most([...curve.planned_kw, ...curve.part_kw, ...conflict.intervals.map(topOf)]);
  const all = most(curve.planned_kw.map((value, index) => (value ?? 0) + curve.unknown_kw[index]));
  const shown = conflict.kind === "unknown" ? Math.max(all, conflict.unknown.up_to_kw) : Math.min(all, 2 * known);
  return Math.max(known, shown, 1) * 1.12;
}

/** Where the excess of an interval ends: of a hold, a step counts whichever way it goes, also where the sums are alike. */
export const topOf = ({ planned_kw, part_kw, excess_kw }) => Math.max(planned_kw, part_kw, Math.min(planned_kw, part_kw) + excess_kw);
