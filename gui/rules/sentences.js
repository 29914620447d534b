// A conflict as a sentence.

import { power } from "./numbers.js";
import { span } from "./time.js";

/** "Between 16:00 and 18:15, Alpha plans up to 140 kW more production than its part." */
export function sentence(conflict, dsoName, { texts, zone, isDated }) {
  const from = Date.parse(conflict.intervals[0]?.start ?? conflict.start);
  const to = Date.parse(conflict.intervals.at(-1)?.end ?? conflict.end);
  const kind = conflict.kind === "unknown" && conflict.limit_kind === "unforeseen" ? "unknown_emergency" : conflict.kind;
  return texts.sentences[kind]({
    span: span(from, to, { zone, isDated, separator: texts.sentences.span_and }),
    operator: conflict.name,
    dso: dsoName,
    power: power(conflict.peak_excess_kw),
    direction: texts.directions[conflict.direction],
    assets: texts.limits.assets(conflict.unknown?.asset_count ?? 0),
    upTo: power(conflict.unknown?.up_to_kw ?? 0),
  });
}

/** Return the key of a conflict. */
export const keyOf = (conflict) => `${conflict.dso}/${conflict.limit_id}/${conflict.operator}/${conflict.kind}`;
