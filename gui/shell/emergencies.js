// Emergencies in force, above everything, whatever is looked at.

import { html, useMemo } from "../lib/preact.js";
import { useAnswer } from "../data/answers.js";
import { useNow } from "../drawing/timeline.js";
import { banners } from "../rules/layout.js";
import { words } from "../rules/texts.js";
import { dayOf, iso, timeFrom } from "../rules/time.js";

export function Emergencies({ api, versions, names, go, zone, onError }) {
  const now = useNow(1000);
  // Asked for by the minute, so that it is one question for a minute, and what is in force now is in it.
  const minute = Math.floor(now / 60_000) * 60_000;
  const window = useMemo(() => ({ from: iso(minute), to: iso(minute + 120_000), summary: true }), [minute]);
  const answer = useAnswer(api, "/limits", window, [versions.limits], onError);
  const { shown, more } = banners(answer.last?.limits ?? [], now);
  const told = (limit) => words.emergency.one(words.actions[limit.action], names(limit.dso));
  const open = (change) => go({ view: "limits", window: undefined, zoom: undefined, operator: undefined, dso: undefined, ...change });
  return html`<section class="emergencies" role="alert" aria-label=${words.emergency.region}>
    ${shown.map(
      (limit) => html`<div class=${`emergency ${shown.length > 1 ? "is-many" : ""}`} key=${`${limit.dso}/${limit.id}`}>
        <span class="sign" aria-hidden="true">⚠</span>
        <b title=${names(limit.dso)}>${told(limit)}</b>
        <span>${words.directions[limit.direction]}, ${words.limits.assets(limit.asset_count)}, ${words.emergency.since(timeFrom(now, Date.parse(limit.start), zone), timeFrom(now, Date.parse(limit.end), zone))}</span>
        <button aria-label=${`${words.emergency.show}: ${told(limit)}`} onClick=${() => open({ day: dayOf(Date.parse(limit.start), zone), selected: `${limit.dso}/${limit.id}` })}>${words.emergency.show}</button>
      </div>`,
    )}
    ${more > 0 &&
    html`<div class="emergency is-many" key="more"><b>${words.emergency.more(more)}</b>
      <button onClick=${() => open({ day: dayOf(now, zone), selected: undefined })}>${words.emergency.show_all}</button></div>`}
  </section>`;
}
