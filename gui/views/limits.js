// The view of limits: foreseen limits and emergencies as bars, and the parts and delivery of the selected limit.

import { html, useContext, useEffect, useMemo, useRef } from "../lib/preact.js";
import { useAnswer } from "../data/answers.js";
import { Rows, stretch } from "../drawing/rows.js";
import { Place, useNow } from "../drawing/timeline.js";
import { limitsCsv } from "../rules/csv.js";
import { bars, statusAt } from "../rules/layout.js";
import { power } from "../rules/numbers.js";
import { now as platformNow } from "../rules/platform_time.js";
import { texts } from "../rules/texts.js";
import { MINUTE, clockWithSeconds, iso, span, spanWithUtc, timeFrom } from "../rules/time.js";
import { Empty, Failed, Loading, Status, Time } from "./parts.js";

export function Limits({ api, state, window, versions, names, go, onCsv, onError }) {
  const query = { party: [state.operator, state.dso], from: iso(window.from), to: iso(window.to), summary: true };
  const answer = useAnswer(api, "/limits", query, [versions.limits, versions.deliveries], onError);
  const limits = answer.body?.limits;
  const now = useNow(5_000);
  const selected = limits?.find((limit) => keyOf(limit) === state.selected);

  useEffect(() => {
    if (limits) onCsv(() => limitsCsv(limits));
  }, [limits]);

  if (answer.error && !answer.body) return html`<${Failed} error=${answer.error} />`;
  if (!limits) return html`<${Loading} />`;
  if (!limits.length) return html`<${Empty} text=${texts.limits.none} />`;
  const draw = (index) => html`<${LimitRow} ...${{ limit: limits[index], now, names, go, state }} />`;
  return html`<div class=${`split ${selected ? "is-open" : ""}`}>
    <${Rows} count=${limits.length} height=${(isNarrow) => (isNarrow ? 100 : 56)} draw=${draw} keyAt=${(index) => keyOf(limits[index])} selected=${limits.indexOf(selected)} label=${texts.limits.count(limits.length)} />
    ${state.selected && !selected && html`<p class="note" role="status">${texts.limits.gone}</p>`}
    ${selected && html`<${Details} key=${keyOf(selected)} ...${{ api, limit: selected, state, versions, names, go, onError, now }} />`}
  </div>`;
}

const recorded = (at, zone) => timeFrom(platformNow(), at, zone, clockWithSeconds);

const keyOf = (limit) => `${limit.dso}/${limit.id}`;

function LimitRow({ limit, now, names, go, state }) {
  const { viewport, zone, isDated } = useContext(Place);
  const status = statusAt(limit, now);
  const isOpen = state.selected === keyOf(limit);
  const isEmergency = limit.kind === "unforeseen";
  const name = isEmergency ? texts.actions[limit.action] : texts.kinds.foreseen;
  const press = (event) => {
    // Not all browsers focus a clicked button, and the details return the focus to it.
    event.currentTarget.focus();
    go({ selected: isOpen ? undefined : keyOf(limit) });
  };
  const drawn = bars(limit);
  const maximum = Math.max(...drawn.map((bar) => bar.power_kw ?? 0), 0);
  return html`
    <div class="label">
      <button class="name" aria-expanded=${isOpen} onClick=${press}>
        ${isEmergency && html`<b class="emergency-label">${name}</b>`} ${names(limit.dso)}
      </button>
      <${Status} status=${status} />
      <span class="muted"><span aria-hidden="true">${texts.direction_signs[limit.direction]}</span> ${factsOf(limit, { zone, isDated })}</span>
    </div>
    <div class=${`track ${isOpen ? "is-selected" : ""}`} data-moves>
      ${drawn.map(
        (bar) => html`<span key=${bar.from} class=${`bar is-${limit.kind} is-${status}`} style=${stretch(viewport, bar.from, bar.to)} title=${titleOf(limit, bar, zone)}>
          <span class="fill" style=${{ height: maximum && bar.power_kw !== undefined ? `${Math.max(12, (100 * bar.power_kw) / maximum)}%` : "100%" }}></span>
          <span class="caption"><b>${isEmergency ? name : power(bar.power_kw)}</b></span>
        </span>`,
      )}
      ${(limit.revisions ?? []).slice(1).map(
        (revision) => html`<i class="revision" key=${revision.revision} style=${stretch(viewport, Date.parse(revision.accepted_at), Date.parse(revision.accepted_at))} title=${texts.limits.changed(revision.revision)}></i>`,
      )}
    </div>`;
}

const factsOf = (limit, { zone, isDated }) =>
  [
    texts.directions_short[limit.direction],
    span(Date.parse(limit.start), Date.parse(limit.end), { zone, isDated, separator: "–" }),
    limit.revision > 1 && texts.limits.revision_short(limit.revision),
  ]
    .filter(Boolean)
    .join(" · ");

const titleOf = (limit, bar, zone) =>
  [texts.kinds[limit.kind], bar.power_kw === undefined ? "" : power(bar.power_kw), spanWithUtc(bar.from, bar.to, { zone, separator: texts.sentences.span_to })].filter(Boolean).join(", ");

function Details({ api, limit, state, versions, names, go, onError, now }) {
  const { zone } = useContext(Place);
  const whole = useAnswer(
    api,
    "/limits",
    { party: [state.operator, state.dso ?? limit.dso], from: limit.start, to: iso(Date.parse(limit.start) + MINUTE) },
    [versions.limits, versions.deliveries],
    onError,
  );
  const evidence = useAnswer(api, `/limits/${encodeURIComponent(limit.id)}/evidence`, { dso: limit.dso }, [versions.deliveries, versions.limits], onError);
  const complete = whole.body?.limits.find(({ id, dso }) => id === limit.id && dso === limit.dso);
  const hops = useMemo(() => new Map(evidence.body?.recipients.map(({ operator, hops }) => [operator, hops])), [evidence.body]);
  const title = `${limit.kind === "unforeseen" ? texts.actions[limit.action] : texts.kinds.foreseen}, ${names(limit.dso)}`;
  const close = () => go({ selected: undefined });
  const root = useFocus();
  return html`<aside class="details" aria-label=${title} tabindex="-1" ref=${root} onKeyDown=${(event) => event.key === "Escape" && close()}>
    <header>
      <h2>${title}</h2>
      <button class="close" onClick=${close} aria-label=${texts.limits.close}>✕</button>
    </header>
    <p><${Status} status=${statusAt(limit, now)} /> ${texts.directions[limit.direction]}, ${texts.limits.assets(limit.asset_count)}</p>
    <p><${Time} at=${limit.start} zone=${zone} /> – ${limit.end && html`<${Time} at=${limit.end} zone=${zone} write=${(at) => timeFrom(Date.parse(limit.start), at, zone)} />`}</p>
    <p class="muted">${texts.limits.id}: <span class="id">${limit.id}</span></p>
    ${limit.reason && html`<p class="muted">${texts.limits.reason}: ${limit.reason.text ?? texts.limits.reasons[limit.reason.code] ?? limit.reason.code}</p>`}
    <h3>${texts.limits.parts}</h3>
    ${!complete && (whole.error ? html`<${Failed} error=${whole.error} />` : html`<${Loading} />`)}
    ${complete && !complete.parts?.length && html`<p class="muted">${texts.limits.no_parts}</p>`}
    <ul class="parts">
      ${(complete?.parts ?? []).map((part) => html`<${Part} key=${part.operator} part=${part} limit=${complete} hops=${hops.get(part.operator)} zone=${zone} />`)}
    </ul>
    <h3>${texts.limits.history}</h3>
    <ol class="history">
      ${(limit.revisions ?? []).map(
        ({ revision, status, accepted_at }) => html`<li key=${revision}>${texts.limits.revision(revision)}: ${texts.statuses[status] ?? status}, <${Time} at=${accepted_at} zone=${zone} write=${recorded} /></li>`,
      )}
    </ol>
  </aside>`;
}

/** Move the focus from the row into the details, and back to the row when the details close. */
function useFocus() {
  const root = useRef();
  useEffect(() => {
    const opener = document.activeElement?.closest(".row button");
    if (opener) {
      root.current.focus({ preventScroll: true });
      root.current.scrollIntoView({ block: "nearest" });
    }
    return () => opener?.isConnected && opener.focus({ preventScroll: true });
  }, []);
  return root;
}

function Part({ part, limit, hops, zone }) {
  const delivery = part.delivery;
  const step = (name, at) => html`<li class=${at ? "is-done" : ""}>${texts.limits[name]}${at ? html` <${Time} at=${at} zone=${zone} write=${recorded} />` : `: ${texts.limits.not_yet}`}</li>`;
  const parts = part.parts_kw ? [...new Set(part.parts_kw)].map((value) => power(value)).join(", ") : texts.limits.assets(part.asset_count);
  return html`<li>
    <div class="part"><b>${part.name}</b><span>${parts}</span></div>
    ${part.weight_kw !== undefined && html`<div class="share" title=${`${texts.limits.weight} ${power(part.weight_kw)}`}><i style=${{ width: `${share(part, limit)}%` }}></i></div>`}
    ${delivery
      ? html`<ol class="delivery" aria-label=${part.name}>
          ${step("issued", delivery.issued_at)}${step("delivered", delivery.delivered_at)}${step("read", delivery.read_at)}
          ${delivery.state === "FAILED" && html`<li class="is-failed">${texts.limits.failed}</li>`}
        </ol>`
      : html`<p class="muted">${texts.limits.nothing_sent}</p>`}
    ${hops?.length > 0 &&
    html`<details><summary>${texts.limits.hops}</summary><ol class="hops">
      ${hops.map((hop, index) => html`<li key=${index}><${Time} at=${hop.at} zone=${zone} write=${recorded} /> ${texts.limits.hop_states[hop.state] ?? hop.state} <span class="muted">${hop.component}</span></li>`)}
    </ol></details>`}
  </li>`;
}

const share = (part, limit) => {
  const total = limit.available?.reduce((sum, slot) => Math.max(sum, slot.power_kw), 0) ?? 0;
  return total ? Math.min(100, (100 * Math.max(...(part.parts_kw ?? [0]))) / total) : 0;
};
