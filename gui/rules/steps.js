// Step functions: a value holds from its minute of the window until the next minute. The routes send them as columns.

/** Return the index of the step that holds at a minute, -1 before the first step. */
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

/** Return all minutes at which a column changes, in order. */
export function changes(...all) {
  return Float64Array.from(new Set(all.flatMap((minutes) => [...minutes]))).sort();
}

/** Return the values of a column at other minutes. */
export function resampled(minutes, column, at) {
  return Array.from(at, (minute) => column[stepAt(minutes, minute)] ?? null);
}

/** Return the sum of columns; a sum of unknown values only is unknown. */
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

/** Return production as positive and consumption as negative values, and the net; null where there is no plan. */
export function signed(steps) {
  const known = (column, sign) =>
    column.map((value, index) => (steps.planned_assets[index] === 0 ? null : sign * value));
  const up = known(steps.production_kw, 1);
  const down = known(steps.consumption_kw, -1);
  return { minutes: steps.minutes, up, down, net: up.map((value, index) => (value === null ? null : value + down[index])) };
}

/** Return the power of an asset as production (positive) and consumption (negative). */
export function bothDirections({ minutes, power_kw }) {
  const withSign = (sign) => power_kw.map((value) => (value === null ? null : sign * Math.max(sign * value, 0) || 0));
  return { minutes, up: withSign(1), down: withSign(-1) };
}

/** Return the earlier plan in both directions where it differs from the plan now, null elsewhere. */
export function differences(before, now) {
  const minutes = changes(before.minutes, now.minutes);
  const differing = (name) => {
    const [earlier, current] = [before, now].map((plan) => resampled(plan.minutes, plan[name], minutes));
    return earlier.map((value, index) => (value === current[index] ? null : value));
  };
  return { minutes, up: differing("up"), down: differing("down") };
}

/** Return true if the plan of an asset differs from the plan that was first announced. */
export const isChanged = (asset) => asset.announced?.power_kw.some((value) => value !== null) ?? false;

/** Return the power of an operator's assets without a plan: the whole installed power where no asset has a plan. */
export function unknownOf(plan, direction) {
  const [installed, unplanned] = [plan[`installed_${direction}_kw`] ?? 0, plan[`unplanned_${direction}_kw`] ?? 0];
  return plan.current.planned_assets.map((count) => (count === 0 ? installed : unplanned));
}

/** Return the sum of several operators' plans, as planned now and as first announced. */
export function total(plans) {
  const signedPlans = plans.map((plan) => ({ now: signed(plan.current), before: signed(plan.announced ?? plan.current) }));
  const at = changes(...signedPlans.flatMap(({ now, before }) => [now.minutes, before.minutes]));
  const add = (when, name) => summed(at, signedPlans.map((plan) => ({ minutes: plan[when].minutes, column: plan[when][name] })));
  const unknown = (direction) => summed(at, plans.map((plan) => ({ minutes: plan.current.minutes, column: unknownOf(plan, direction) })));
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

/** Return steps as [{from, to, low, high, last}] until `end`; steps within one pixel are merged and keep their extremes. */
export function thinned(minutes, column, end, perPixel) {
  const merged = [];
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
    merged.push({ from: minutes[index], to: minutes[next] ?? end, low, high, last: column[next - 1] });
    index = next;
  }
  return merged;
}

/** Return the smallest and the largest value, including zero. */
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
