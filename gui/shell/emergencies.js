// Emergencies in force, shown above every view.

import { html, useMemo } from "../lib/preact.js";
import { useAnswer } from "../data/answers.js";
import { useNow } from "../drawing/timeline.js";
import { banners } from "../rules/layout.js";
import { texts } from "../rules/texts.js";
import { dayOf, iso, timeFrom } from "../rules/time.js";

export function Emergencies({ api, versions, names, go, zone, onError }) {
  const now = useNow(1000);
  // The query names the minute, so that it changes once per minute only and always includes the current instant.
  const minute = Math.floor(now / 60_000) * 60_000;
  const window = useMemo(() => ({ from: iso(minute), to: iso(minute + 120_000), summary: true }), [minute]);
  const answer = useAnswer(api, "/limits", window, [versions.limits], onError);
  const { shown, more } = banners(answer.last?.limits ?? [], now);
  const titleOf = (limit) => texts.emergency.title(texts.actions[limit.action], names(limit.dso));
  const open = (change) => go({ view: "limits", window: undefined, zoom: undefined, operator: undefined, dso: undefined, ...change });
  return html`<section class="emergencies" role="alert" aria-label=${texts.emergency.region}>
    ${shown.map(
      (limit) => html`<div class=${`emergency ${shown.length > 1 ? "is-many" : ""}`} key=${`${limit.dso}/${limit.id}`}>
        <span class="sign" aria-hidden="true">⚠</span>
        <b title=${names(limit.dso)}>${titleOf(limit)}</b>
        <span>${texts.directions[limit.direction]}, ${texts.limits.assets(limit.asset_count)}, ${texts.emergency.since(timeFrom(now, Date.parse(limit.start), zone), timeFrom(now, Date.parse(limit.end), zone))}</span>
        <button aria-label=${`${texts.emergency.show}: ${titleOf(limit)}`} onClick=${() => open({ day: dayOf(Date.parse(limit.start), zone), selected: `${limit.dso}/${limit.id}` })}>${texts.emergency.show}</button>
      </div>`,
    )}
    ${more > 0 &&
    html`<div class="emergency is-many" key="more"><b>${texts.emergency.more(more)}</b>
      <button onClick=${() => open({ day: dayOf(now, zone), selected: undefined })}>${texts.emergency.show_all}</button></div>`}
  </section>`;
}
