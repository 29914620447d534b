// The view of conflicts: a chart of plan and part of the selected conflict, and a list of conflicts, largest first.

import { html, useContext, useEffect, useMemo, useState } from "../lib/preact.js";
import { useAnswer, usePages } from "../data/answers.js";
import { Chart, box, chartHeight } from "../drawing/chart.js";
import { colour, hatch } from "../drawing/colours.js";
import { Rows, stretch } from "../drawing/rows.js";
import { Place } from "../drawing/timeline.js";
import { conflictsCsv } from "../rules/csv.js";
import { curveOfIntervals, reachOf, topOf } from "../rules/layout.js";
import { energy, power } from "../rules/numbers.js";
import { keyOf, sentence } from "../rules/sentences.js";
import { stepAt } from "../rules/steps.js";
import { texts } from "../rules/texts.js";
import { MINUTE, iso, spanWithUtc } from "../rules/time.js";
import { Empty, Failed, Loading, Time } from "./parts.js";

const PAGE = 100;

export function Conflicts({ api, state, window, versions, names, go, onCsv, onError }) {
  const query = { agr: state.operator, dso: state.dso, from: iso(window.from), to: iso(window.to) };
  const changes = [versions.plans, versions.limits];
  const list = usePages(api, "/conflicts", { ...query, limit: PAGE }, changes, { itemsKey: "conflicts", onError });
  const conflicts = list.items;
  const selected = useSelected(api, { query, list, changes, onError, key: state.selected });
  const shown = selected ?? conflicts?.[0];

  useEffect(() => {
    if (conflicts) onCsv(() => conflictsCsv(conflicts));
  }, [conflicts]);

  if (list.error && !conflicts) return html`<${Failed} error=${list.error} />`;
  if (!conflicts) return html`<${Loading} />`;
  if (!conflicts.length) return html`<${Empty} text=${texts.conflicts.none} />`;
  const peak = Math.max(...conflicts.map((conflict) => conflict.peak_excess_kw), 1);
  const draw = (index) => html`<${ConflictRow} ...${{ conflict: conflicts[index], peak, names, go, isOpen: conflicts[index] === shown }} />`;
  return html`
    ${state.selected && !selected && !list.isMore && html`<p class="note" role="status">${texts.conflicts.gone}</p>`}
    <${Selected} ...${{ api, conflict: shown, window, names }} />
    <${Rows} count=${conflicts.length} height=${(isNarrow) => (isNarrow ? 176 : 78)} draw=${draw} keyAt=${(index) => keyOf(conflicts[index])} selected=${conflicts.indexOf(selected)} onEnd=${list.more} label=${summaryOf(conflicts, list.isMore)} />
  `;
}

/** Return the conflict that the link selects, also if it is not in the loaded part of the list. */
function useSelected(api, { query, list, changes, onError, key }) {
  const isSelected = (conflict) => keyOf(conflict) === key;
  const loaded = list.items?.find(isSelected);
  const [dso, agr] = [key?.split("/")[0], key?.split("/").at(-2)];
  const answer = useAnswer(api, list.isMore && key && !loaded ? "/conflicts" : null, { ...query, dso, agr }, changes, onError);
  return loaded ?? answer.body?.conflicts.find(isSelected);
}

/** Return "3 conflicts, 1 possible conflict", or "The 100 largest conflicts" if more pages follow. */
function summaryOf(conflicts, isMore) {
  if (isMore) return texts.conflicts.worst_count(conflicts.length);
  const unknown = conflicts.filter((conflict) => conflict.kind === "unknown").length;
  const count = texts.conflicts.count(conflicts.length - unknown);
  return unknown ? `${count}, ${texts.conflicts.unknown_count(unknown)}` : count;
}

function ConflictRow({ conflict, peak, names, go, isOpen }) {
  const { viewport, zone, isDated } = useContext(Place);
  const isUnknown = conflict.kind === "unknown";
  const track = useMemo(() => trackOf(conflict, { peak, names, viewport, zone, isDated }), [conflict, peak, names, viewport, zone]);
  return html`
    <div class="label">
      <button class="name" aria-pressed=${isOpen} onClick=${() => go({ selected: keyOf(conflict) })}>${conflict.name}</button>
      <span class="muted">${names(conflict.dso)}${conflict.limit_kind === "unforeseen" ? ` · ${texts.kinds.unforeseen}` : ""}</span>
      <b class=${isUnknown ? "unknown-label" : "excess"}>${isUnknown ? texts.conflicts.unknown : `${power(conflict.peak_excess_kw)} · ${energy(conflict.excess_kwh)}`}</b>
    </div>
    <div class=${`track ${isOpen ? "is-selected" : ""}`} data-moves>${track}</div>`;
}

/** Return the bars and the sentence of a row. The caller caches them, because formatting the times of 100 bars is slow. */
function trackOf(conflict, { peak, names, viewport, zone, isDated }) {
  const whole = stretch(viewport, Date.parse(conflict.start), Date.parse(conflict.end));
  const [kind, minimum] = conflict.intervals.length > 1 ? ["", 0.2] : ["is-only", 0.5];
  const bar = (interval) =>
    html`<span key=${interval.start} class=${`bar is-excess ${kind}`} style=${{ ...stretch(viewport, Date.parse(interval.start), Date.parse(interval.end)), "--share": Math.max(minimum, interval.excess_kw / peak) }} title=${`${power(interval.excess_kw)}, ${tooltip(interval, zone)}`}></span>`;
  return html`<span class="period" style=${whole}></span>
    ${conflict.intervals.map(bar)}
    ${conflict.kind === "unknown" && html`<span class="bar is-unknown" style=${whole} title=${tooltip(conflict, zone)}></span>`}
    <p class="sentence">${sentence(conflict, names(conflict.dso), { texts, zone, isDated })}</p>`;
}

const tooltip = ({ start, end }, zone) => spanWithUtc(Date.parse(start), Date.parse(end), { zone, separator: texts.sentences.span_to });

function Selected({ api, conflict, window, names }) {
  const { zone, isDated, isNarrow } = useContext(Place);
  const [cursor, setCursor] = useState(null);
  const query = { agr: conflict.operator, dso: conflict.dso, from: iso(window.from), to: iso(window.to), limit: 100 };
  // No error handler: a conflict that has just ended has no such route, and the list is about to drop it.
  const whole = useAnswer(api, `/conflicts/${encodeURIComponent(conflict.limit_id)}/assets`, query, [conflict]);
  const curve = useMemo(() => whole.body?.curve ?? curveOfIntervals(conflict, window.from), [whole.body, conflict, window.from]);
  const at = useMemo(() => curve.minutes.map((minute) => window.from + minute * MINUTE), [curve, window.from]);
  const tone = TONES[conflict.direction];
  const lines = useMemo(
    () => [
      { column: curve.planned_kw, colour: tone, fill: `${tone}-fill`, width: 2 },
      { column: curve.part_kw, colour: "limit", width: 2.5, dash: [8, 4] },
    ],
    [curve, tone],
  );
  const text = sentence(conflict, names(conflict.dso), { texts, zone, isDated });
  const reach = reachOf(conflict, curve);
  const behind = (drawing) => drawUnknown(drawing, { curve, at, end: window.to, reach });
  const before = (drawing) => shade(drawing, conflict);
  return html`<section class="figure" aria-label=${text}>
    <div class="legend">
      <h2>${conflict.name}</h2>
      <p class="say">${text}</p>
      <${Values} ...${{ conflict, curve, tone, window }} at=${cursor ?? worstOf(conflict)} />
      <${Assets} conflict=${conflict} all=${whole.body?.assets} />
    </div>
    <${Chart} ...${{ at, lines, behind, before }} end=${window.to} range=${[0, reach]} height=${isNarrow ? 220 : chartHeight()} label=${text} onCursor=${setCursor} />
  </section>`;
}

const TONES = { production: "production", consumption: "consumption", both: "neutral" };

/** Return the start of the interval with the largest excess, or of a possible conflict. */
function worstOf(conflict) {
  const worst = conflict.intervals.reduce((largest, interval) => (largest && largest.excess_kw >= interval.excess_kw ? largest : interval), null);
  return Date.parse((worst ?? conflict).start);
}

function Values({ conflict, curve, tone, window, at }) {
  const { zone, write } = useContext(Place);
  const index = stepAt(curve.minutes, (at - window.from) / MINUTE);
  const valueOf = (column) => (column[index] === null || column[index] === undefined ? "–" : power(column[index]));
  return html`<p class="at"><${Time} at=${at} zone=${zone} write=${write} /></p>
    <dl>
      <div><dt><i class=${`key ${tone}`}></i>${texts.conflicts.planned}</dt><dd>${valueOf(curve.planned_kw)}</dd></div>
      ${partLabel(conflict) && html`<div><dt><i class="key limit"></i>${partLabel(conflict)}</dt><dd>${valueOf(curve.part_kw)}</dd></div>`}
      ${curve.unknown_kw.some(Boolean) &&
      html`<div title=${texts.plans.unknown_hint}><dt><i class="key unknown"></i>${texts.plans.unknown}</dt><dd>${valueOf(curve.unknown_kw)}</dd></div>`}
      ${conflict.kind !== "unknown" &&
      html`<div><dt><i class="key excess"></i>${conflict.kind === "short_of_start" ? texts.conflicts.shortfall : texts.conflicts.excess}</dt>
        <dd>${power(conflict.peak_excess_kw)}, ${energy(conflict.excess_kwh)}</dd></div>`}
    </dl>`;
}

const partLabel = (conflict) =>
  ({ planned_under_stop: texts.conflicts.allowed, short_of_start: texts.conflicts.required, step_under_hold: texts.conflicts.held })[conflict.kind] ??
  (conflict.limit_kind === "unforeseen" ? "" : texts.conflicts.part);

/** Draw the power of assets without a plan above the planned power, cut off at the end of the chart. */
function drawUnknown(drawing, { curve, at, end, reach }) {
  const { ctx } = drawing;
  ctx.save();
  curve.unknown_kw.forEach((unknown, index) => {
    if (!unknown) return;
    const low = curve.planned_kw[index] ?? 0;
    ctx.fillStyle = hatch(ctx, "unknown");
    ctx.fillRect(...box(drawing, { from: at[index], to: at[index + 1] ?? end, low, high: Math.min(reach, low + unknown) }));
  });
  ctx.restore();
}

function shade(drawing, { intervals }) {
  const { ctx } = drawing;
  ctx.save();
  ctx.setLineDash([]);
  ctx.strokeStyle = colour("excess");
  ctx.lineWidth = 1.5 * devicePixelRatio;
  intervals.forEach((interval, index) => {
    const low = Math.min(interval.planned_kw, interval.part_kw);
    const [x, y, width, height] = box(drawing, { from: Date.parse(interval.start), to: Date.parse(interval.end), low, high: topOf(interval) });
    if (width <= 0) return;
    for (const fill of [colour("excess-fill"), hatch(ctx, "excess", { lean: -1, gap: 6 })]) {
      ctx.fillStyle = fill;
      ctx.fillRect(x, y, width, height);
    }
    // Draw the border around adjacent intervals, not around each quarter-hour.
    const sides = [intervals[index - 1]?.end !== interval.start && x, intervals[index + 1]?.start !== interval.end && x + width];
    ctx.beginPath();
    for (const level of [y, y + height]) line(ctx, [x, level], [x + width, level]);
    for (const side of sides) if (side !== false) line(ctx, [side, y], [side, y + height]);
    ctx.stroke();
  });
  ctx.restore();
}

function line(ctx, from, to) {
  ctx.moveTo(...from);
  ctx.lineTo(...to);
}

function Assets({ conflict, all }) {
  const { count, largest } = conflict.assets;
  const shown = all ?? largest;
  const row = (asset) => html`<li key=${asset.asset_id}><span class="id">${asset.asset_id}</span> <span>${asset.energy_kwh === null ? texts.conflicts.no_plan : energy(asset.energy_kwh)}</span></li>`;
  if (!shown.length) return null;
  return html`<details class="assets" open>
    <summary>${texts.conflicts.assets}: ${Math.max(count, shown.length)}</summary>
    <ul>${shown.map(row)}</ul>
  </details>`;
}
