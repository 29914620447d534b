// Emergencies in force, above everything, whatever is looked at.

import { html, useMemo } from "./lib/preact.js";
import { useAnswer } from "./data.js";
import { emergencies } from "./rules/layout.js";
import { dayOf, iso, timeFrom } from "./rules/time.js";
import { useNow } from "./timeline.js";
import { words } from "./texts.js";

const SHOWN = 3;

export function Emergencies({ api, versions, names, go, zone, onError }) {
  const now = useNow(1000);
  // Asked for by the minute, so that it is one question for a minute, and what is in force now is in it.
  const minute = Math.floor(now / 60_000) * 60_000;
  const window = useMemo(() => ({ from: iso(minute), to: iso(minute + 120_000), summary: true }), [minute]);
  const answer = useAnswer(api, "/limits", window, [versions.limits], onError);
  const found = emergencies(answer.last?.limits ?? [], now);
  return html`<section class="emergencies" role="alert" aria-label=${words.emergency.region}>
    ${found.slice(0, SHOWN).map(
      (limit) => html`<div class="emergency" key=${`${limit.dso}/${limit.id}`}>
        <span class="sign" aria-hidden="true">⚠</span>
        <b>${words.emergency.one(words.actions[limit.action], names(limit.dso))}</b>
        <span>${words.directions[limit.direction]}, ${words.limits.assets(limit.asset_count)}, ${words.emergency.since(timeFrom(now, Date.parse(limit.start), zone), timeFrom(now, Date.parse(limit.end), zone))}</span>
        <button onClick=${() => go({ view: "limits", day: dayOf(Date.parse(limit.start), zone), window: undefined, zoom: undefined, operator: undefined, dso: undefined, selected: `${limit.dso}/${limit.id}` })}>${words.emergency.show}</button>
      </div>`,
    )}
  </section>`;
}
