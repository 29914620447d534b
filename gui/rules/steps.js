// Steps: power that holds from one minute of a window until the next, in columns as the routes send them.

/** The index of the step that holds at a minute, -1 before the first. */
export function stepAt(minutes, minute) {
  let low = 0;
  let high = minutes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (minutes[middle] <= minute) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** All minutes at which one of these changes, in order. */
export function changes(...all) {
  return Float64Array.from(new Set(all.flatMap((minutes) => [...minutes]))).sort();
}

/** A column of steps, told at other minutes. */
export function resampled(minutes, column, at) {
  return Array.from(at, (minute) => column[stepAt(minutes, minute)] ?? null);
}

/** One column where every one is added up; what is unknown everywhere stays unknown. */
export function summed(at, parts) {
  const total = new Array(at.length).fill(null);
  for (const { minutes, column } of parts) {
    let step = -1;
    for (let index = 0; index < at.length; index += 1) {
      while (step + 1 < minutes.length && minutes[step + 1] <= at[index]) step += 1;
      const value = column[step] ?? null;
      if (value !== null) total[index] = (total[index] ?? 0) + value;
    }
  }
  return total;
}

/** Production up, consumption down, net, from a plan's columns; null where nobody has planned. */
export function signed(steps) {
  const known = (column, sign) =>
    column.map((value, index) => (steps.planned_assets[index] === 0 ? null : sign * value));
  const up = known(steps.production_kw, 1);
  const down = known(steps.consumption_kw, -1);
  return { minutes: steps.minutes, up, down, net: up.map((value, index) => (value === null ? null : value + down[index])) };
}

/** One asset's power as production up and consumption down. */
export function bothWays({ minutes, power_kw }) {
  const way = (sign) => power_kw.map((value) => (value === null ? null : sign * Math.max(sign * value, 0) || 0));
  return { minutes, up: way(1), down: way(-1) };
}

/** What was planned before, both ways, where it was otherwise than now: null elsewhere. */
export function otherwise(before, now) {
  const minutes = changes(before.minutes, now.minutes);
  const way = (name) => {
    const [then, since] = [before, now].map((plan) => resampled(plan.minutes, plan[name], minutes));
    return then.map((value, index) => (value === since[index] ? null : value));
  };
  return { minutes, up: way("up"), down: way("down") };
}

/** True if an asset plans something else than it announced first, if it announced anything. */
export const isChanged = (asset) => asset.announced?.power_kw.some((value) => value !== null) ?? false;

/** What is unknown of an operator beyond its plan: all that is installed where nothing is planned at all. */
export function unknownOf(plan, way) {
  const [installed, unplanned] = [plan[`installed_${way}_kw`] ?? 0, plan[`unplanned_${way}_kw`] ?? 0];
  return plan.current.planned_assets.map((count) => (count === 0 ? installed : unplanned));
}

/** Several operators' plans as one, with what was announced where that was otherwise. */
export function total(plans) {
  const each = plans.map((plan) => ({ now: signed(plan.current), before: signed(plan.announced ?? plan.current) }));
  const at = changes(...each.flatMap(({ now, before }) => [now.minutes, before.minutes]));
  const add = (when, name) => summed(at, each.map((plan) => ({ minutes: plan[when].minutes, column: plan[when][name] })));
  const unknown = (way) => summed(at, plans.map((plan) => ({ minutes: plan.current.minutes, column: unknownOf(plan, way) })));
  return {
    minutes: at,
    up: add("now", "up"),
    down: add("now", "down"),
    net: add("now", "net"),
    upBefore: add("before", "up"),
    downBefore: add("before", "down"),
    isChanged: plans.some((plan) => plan.announced !== undefined),
    unknownUp: unknown("production"),
    unknownDown: unknown("consumption"),
  };
}

/** Steps as [{from, to, low, high, last}] until `end`, those that begin within one pixel as one that keeps their extremes. */
export function thinned(minutes, column, end, perPixel) {
  const found = [];
  for (let index = 0; index < minutes.length; ) {
    const pixel = Math.floor(minutes[index] / perPixel);
    let low = column[index];
    let high = column[index];
    let next = index + 1;
    for (; next < minutes.length && Math.floor(minutes[next] / perPixel) === pixel; next += 1) {
      if (column[next] === null) continue;
      low = low === null ? column[next] : Math.min(low, column[next]);
      high = high === null ? column[next] : Math.max(high, column[next]);
    }
    found.push({ from: minutes[index], to: minutes[next] ?? end, low, high, last: column[next - 1] });
    index = next;
  }
  return found;
}

/** The smallest and largest value, [0, 0] of nothing. */
export function extent(...columns) {
  let low = 0;
  let high = 0;
  for (const column of columns) {
    for (const value of column) {
      if (value === null) continue;
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return [low, high];
}
