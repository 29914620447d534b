// Limits: each a bar in time, planned ones and emergencies told apart, with parts and the evidence of delivery.

import { html, useContext, useEffect, useMemo, useRef } from "../lib/preact.js";
import { useAnswer } from "../data/answers.js";
import { Rows, stretch } from "../drawing/rows.js";
import { Place, useNow } from "../drawing/timeline.js";
import { limitsCsv } from "../rules/csv.js";
import { bars, statusAt } from "../rules/layout.js";
import { power } from "../rules/numbers.js";
import { now as platformNow } from "../rules/platform_time.js";
import { words } from "../rules/texts.js";
import { MINUTE, clockWithSeconds, iso, span, spanWithUtc, timeFrom } from "../rules/time.js";
import { Empty, Failed, Loading, Status, Time } from "./parts.js";

export function Limits({ api, state, window, versions, names, go, onCsv, onError }) {
  const query = { party: [state.operator, state.dso], from: iso(window.from), to: iso(window.to), summary: true };
  const answer = useAnswer(api, "/limits", query, [versions.limits, versions.deliveries], onError);
  const limits = answer.body?.limits;
  const now = useNow(5_000);
  const chosen = limits?.find((limit) => keyOf(limit) === state.selected);

  useEffect(() => {
    if (limits) onCsv(() => limitsCsv(limits));
  }, [limits]);

  if (answer.error && !answer.body) return html`<${Failed} error=${answer.error} />`;
  if (!limits) return html`<${Loading} />`;
  if (!limits.length) return html`<${Empty} text=${words.limits.none} />`;
  const draw = (index) => html`<${LimitRow} ...${{ limit: limits[index], now, names, go, state }} />`;
  return html`<div class=${`split ${chosen ? "is-open" : ""}`}>
    <${Rows} count=${limits.length} height=${(isNarrow) => (isNarrow ? 100 : 56)} draw=${draw} keyAt=${(index) => keyOf(limits[index])} chosen=${limits.indexOf(chosen)} label=${words.limits.count(limits.length)} />
    ${state.selected && !chosen && html`<p class="note" role="status">${words.limits.gone}</p>`}
    ${chosen && html`<${Details} key=${keyOf(chosen)} ...${{ api, limit: chosen, state, versions, names, go, onError, now }} />`}
  </div>`;
}

const recorded = (at, zone) => timeFrom(platformNow(), at, zone, clockWithSeconds);

const keyOf = (limit) => `${limit.dso}/${limit.id}`;

function LimitRow({ limit, now, names, go, state }) {
  const { viewport, zone, isDated } = useContext(Place);
  const status = statusAt(limit, now);
  const isOpen = state.selected === keyOf(limit);
  const isEmergency = limit.kind === "unforeseen";
  const what = isEmergency ? words.actions[limit.action] : words.kinds.foreseen;
  const press = (event) => {
    // Not all browsers focus what is pressed, and the details go by what is focused.
    event.currentTarget.focus();
    go({ selected: isOpen ? undefined : keyOf(limit) });
  };
  const drawn = bars(limit);
  const most = Math.max(...drawn.map((bar) => bar.power_kw ?? 0), 0);
  return html`
    <div class="label">
      <button class="name" aria-expanded=${isOpen} onClick=${press}>
        ${isEmergency && html`<b class="emergency-word">${what}</b>`} ${names(limit.dso)}
      </button>
      <${Status} status=${status} />
      <span class="muted"><span aria-hidden="true">${words.direction_signs[limit.direction]}</span> ${factsOf(limit, { zone, isDated })}</span>
    </div>
    <div class=${`track ${isOpen ? "is-chosen" : ""}`} data-moves>
      ${drawn.map(
        (bar) => html`<span key=${bar.from} class=${`bar is-${limit.kind} is-${status}`} style=${stretch(viewport, bar.from, bar.to)} title=${titleOf(limit, bar, zone)}>
          <span class="fill" style=${{ height: most && bar.power_kw !== undefined ? `${Math.max(12, (100 * bar.power_kw) / most)}%` : "100%" }}></span>
          <span class="words"><b>${isEmergency ? what : power(bar.power_kw)}</b></span>
        </span>`,
      )}
      ${(limit.revisions ?? []).slice(1).map(
        (revision) => html`<i class="revision" key=${revision.revision} style=${stretch(viewport, Date.parse(revision.accepted_at), Date.parse(revision.accepted_at))} title=${words.limits.changed(revision.revision)}></i>`,
      )}
    </div>`;
}

const factsOf = (limit, { zone, isDated }) =>
  [
    words.directions_short[limit.direction],
    span(Date.parse(limit.start), Date.parse(limit.end), { zone, isDated, word: "–" }),
    limit.revision > 1 && words.limits.revision_short(limit.revision),
  ]
    .filter(Boolean)
    .join(" · ");

const titleOf = (limit, bar, zone) =>
  [words.kinds[limit.kind], bar.power_kw === undefined ? "" : power(bar.power_kw), spanWithUtc(bar.from, bar.to, { zone, word: words.sentences.span_to })].filter(Boolean).join(", ");

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
  const found = whole.body?.limits.find((each) => each.id === limit.id && each.dso === limit.dso);
  const hops = useMemo(() => new Map(evidence.body?.recipients.map((each) => [each.operator, each.hops])), [evidence.body]);
  const title = `${limit.kind === "unforeseen" ? words.actions[limit.action] : words.kinds.foreseen}, ${names(limit.dso)}`;
  const close = () => go({ selected: undefined });
  const root = useTakenFocus();
  return html`<aside class="details" aria-label=${title} tabindex="-1" ref=${root} onKeyDown=${(event) => event.key === "Escape" && close()}>
    <header>
      <h2>${title}</h2>
      <button class="close" onClick=${close} aria-label=${words.limits.close}>✕</button>
    </header>
    <p><${Status} status=${statusAt(limit, now)} /> ${words.directions[limit.direction]}, ${words.limits.assets(limit.asset_count)}</p>
    <p><${Time} at=${limit.start} zone=${zone} /> – ${limit.end && html`<${Time} at=${limit.end} zone=${zone} write=${(at) => timeFrom(Date.parse(limit.start), at, zone)} />`}</p>
    <p class="muted">${words.limits.id}: <span class="id">${limit.id}</span></p>
    ${limit.reason && html`<p class="muted">${words.limits.reason}: ${limit.reason.text ?? words.limits.reasons[limit.reason.code] ?? limit.reason.code}</p>`}
    <h3>${words.limits.parts}</h3>
    ${!found && (whole.error ? html`<${Failed} error=${whole.error} />` : html`<${Loading} />`)}
    ${found && !found.parts?.length && html`<p class="muted">${words.limits.no_parts}</p>`}
    <ul class="parts">
      ${(found?.parts ?? []).map((part) => html`<${Part} key=${part.operator} part=${part} limit=${found} hops=${hops.get(part.operator)} zone=${zone} />`)}
    </ul>
    <h3>${words.limits.history}</h3>
    <ol class="history">
      ${(limit.revisions ?? []).map(
        (each) => html`<li key=${each.revision}>${words.limits.revision(each.revision)}: ${words.statuses[each.status] ?? each.status}, <${Time} at=${each.accepted_at} zone=${zone} write=${recorded} /></li>`,
      )}
    </ol>
  </aside>`;
}

/** Whoever opened it from a row goes on in it, and is back in the row when it closes. */
function useTakenFocus() {
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
  const step = (name, at) => html`<li class=${at ? "is-done" : ""}>${words.limits[name]} ${at ? html`<${Time} at=${at} zone=${zone} write=${recorded} />` : words.limits.not_yet}</li>`;
  const parts = part.parts_kw ? [...new Set(part.parts_kw)].map((value) => power(value)).join(", ") : words.limits.assets(part.asset_count);
  return html`<li>
    <div class="part"><b>${part.name}</b><span>${parts}</span></div>
    ${part.weight_kw !== undefined && html`<div class="share" title=${`${words.limits.weight} ${power(part.weight_kw)}`}><i style=${{ width: `${share(part, limit)}%` }}></i></div>`}
    ${delivery
      ? html`<ol class="delivery" aria-label=${part.name}>
          ${step("issued", delivery.issued_at)}${step("delivered", delivery.delivered_at)}${step("read", delivery.read_at)}
          ${delivery.state === "FAILED" && html`<li class="is-failed">${words.limits.failed}</li>`}
        </ol>`
      : html`<p class="muted">${words.limits.nothing_sent}</p>`}
    ${hops?.length > 0 &&
    html`<details><summary>${words.limits.hops}</summary><ol class="hops">
      ${hops.map((hop, index) => html`<li key=${index}><${Time} at=${hop.at} zone=${zone} write=${recorded} /> ${words.limits.hop_states[hop.state] ?? hop.state} <span class="muted">${hop.component}</span></li>`)}
    </ol></details>`}
  </li>`;
}

const share = (part, limit) => {
  const total = limit.available?.reduce((sum, slot) => Math.max(sum, slot.power_kw), 0) ?? 0;
  return total ? Math.min(100, (100 * Math.max(...(part.parts_kw ?? [0]))) / total) : 0;
};
