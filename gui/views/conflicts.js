// Conflicts: plan against part, worst first, each in a plain sentence, the excess shaded on the timeline.

import { html, useContext, useEffect, useMemo, useState } from "../lib/preact.js";
import { useAnswer, usePages } from "../data/answers.js";
import { Chart, box, tallChart } from "../drawing/chart.js";
import { colour, hatch } from "../drawing/colours.js";
import { Rows, stretch } from "../drawing/rows.js";
import { Place } from "../drawing/timeline.js";
import { conflictsCsv } from "../rules/csv.js";
import { curveOfIntervals, reachOf, topOf } from "../rules/layout.js";
import { energy, power } from "../rules/numbers.js";
import { keyOf, sentence } from "../rules/sentences.js";
import { stepAt } from "../rules/steps.js";
import { words } from "../rules/texts.js";
import { MINUTE, iso, spanWithUtc } from "../rules/time.js";
import { Empty, Failed, Loading, Time } from "./parts.js";

const PAGE = 100;

export function Conflicts({ api, state, window, versions, names, go, onCsv, onError }) {
  const query = { agr: state.operator, dso: state.dso, from: iso(window.from), to: iso(window.to) };
  const news = [versions.plans, versions.limits];
  const list = usePages(api, "/conflicts", { ...query, limit: PAGE }, news, { read: "conflicts", onError });
  const found = list.items;
  const named = useNamed(api, { query, list, news, onError, selected: state.selected });
  const chosen = named ?? found?.[0];

  useEffect(() => {
    if (found) onCsv(() => conflictsCsv(found));
  }, [found]);

  if (list.error && !found) return html`<${Failed} error=${list.error} />`;
  if (!found) return html`<${Loading} />`;
  if (!found.length) return html`<${Empty} text=${words.conflicts.none} />`;
  const peak = Math.max(...found.map((each) => each.peak_excess_kw), 1);
  const draw = (index) => html`<${ConflictRow} ...${{ conflict: found[index], peak, names, go, isOpen: found[index] === chosen }} />`;
  return html`
    ${state.selected && !named && !list.isMore && html`<p class="note" role="status">${words.conflicts.gone}</p>`}
    <${Chosen} ...${{ api, conflict: chosen, window, names }} />
    <${Rows} count=${found.length} height=${(isNarrow) => (isNarrow ? 176 : 78)} draw=${draw} keyAt=${(index) => keyOf(found[index])} chosen=${found.indexOf(named)} onEnd=${list.more} label=${tally(found, list.isMore)} />
  `;
}

/** The conflict that a link names, be it further down than the list was asked for. */
function useNamed(api, { query, list, news, onError, selected }) {
  const isNamed = (each) => keyOf(each) === selected;
  const near = list.items?.find(isNamed);
  const [dso, agr] = [selected?.split("/")[0], selected?.split("/").at(-2)];
  const far = useAnswer(api, list.isMore && selected && !near ? "/conflicts" : null, { ...query, dso, agr }, news, onError);
  return near ?? far.body?.conflicts.find(isNamed);
}

/** What a list holds: "3 conflicts, 1 unknown"; "The worst 100 conflicts" if it goes on. */
export function tally(found, isMore) {
  if (isMore) return words.conflicts.worst_count(found.length);
  const unknown = found.filter((each) => each.kind === "unknown").length;
  const count = words.conflicts.count(found.length - unknown);
  return unknown ? `${count}, ${words.conflicts.unknown_count(unknown)}` : count;
}

function ConflictRow({ conflict, peak, names, go, isOpen }) {
  const { viewport, zone, isDated } = useContext(Place);
  const isUnknown = conflict.kind === "unknown";
  const drawn = useMemo(() => drawnOf(conflict, { peak, names, viewport, zone, isDated }), [conflict, peak, names, viewport, zone]);
  return html`
    <div class="label">
      <button class="name" aria-pressed=${isOpen} onClick=${() => go({ selected: keyOf(conflict) })}>${conflict.name}</button>
      <span class="muted">${names(conflict.dso)}${conflict.limit_kind === "unforeseen" ? ` · ${words.kinds.unforeseen}` : ""}</span>
      <b class=${isUnknown ? "unknown-word" : "excess"}>${isUnknown ? words.conflicts.unknown : `${power(conflict.peak_excess_kw)} · ${energy(conflict.excess_kwh)}`}</b>
    </div>
    <div class=${`track ${isOpen ? "is-chosen" : ""}`} data-moves>${drawn}</div>`;
}

/** What stands in a row's track. Made once: there may be a hundred bars in sight, each with times to write. */
function drawnOf(conflict, { peak, names, viewport, zone, isDated }) {
  const whole = stretch(viewport, Date.parse(conflict.start), Date.parse(conflict.end));
  const [kind, least] = conflict.intervals.length > 1 ? ["", 0.2] : ["is-only", 0.5];
  const bar = (each) =>
    html`<span key=${each.start} class=${`bar is-excess ${kind}`} style=${{ ...stretch(viewport, Date.parse(each.start), Date.parse(each.end)), "--share": Math.max(least, each.excess_kw / peak) }} title=${`${power(each.excess_kw)}, ${hovered(each, zone)}`}></span>`;
  return html`<span class="period" style=${whole}></span>
    ${conflict.intervals.map(bar)}
    ${conflict.kind === "unknown" && html`<span class="bar is-unknown" style=${whole} title=${hovered(conflict, zone)}></span>`}
    <p class="sentence">${sentence(conflict, names(conflict.dso), { words, zone, isDated })}</p>`;
}

const hovered = ({ start, end }, zone) => spanWithUtc(Date.parse(start), Date.parse(end), { zone, word: words.sentences.span_to });

function Chosen({ api, conflict, window, names }) {
  const { zone, isDated, isNarrow } = useContext(Place);
  const [cursor, setCursor] = useState(null);
  const query = { agr: conflict.operator, dso: conflict.dso, from: iso(window.from), to: iso(window.to), limit: 100 };
  // A conflict that is over by now is not there any more; the list is about to tell.
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
  const text = sentence(conflict, names(conflict.dso), { words, zone, isDated });
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
    <${Chart} ...${{ at, lines, behind, before }} end=${window.to} range=${[0, reach]} height=${isNarrow ? 220 : tallChart()} label=${text} onCursor=${setCursor} />
  </section>`;
}

const TONES = { production: "production", consumption: "consumption", both: "neutral" };

/** The beginning of the interval with the largest excess, or of what is not known. */
function worstOf(conflict) {
  const worst = conflict.intervals.reduce((found, each) => (found && found.excess_kw >= each.excess_kw ? found : each), null);
  return Date.parse((worst ?? conflict).start);
}

function Values({ conflict, curve, tone, window, at }) {
  const { zone, write } = useContext(Place);
  const index = stepAt(curve.minutes, (at - window.from) / MINUTE);
  const told = (column) => (column[index] === null || column[index] === undefined ? "–" : power(column[index]));
  return html`<p class="at"><${Time} at=${at} zone=${zone} write=${write} /></p>
    <dl>
      <div><dt><i class=${`key ${tone}`}></i>${words.conflicts.planned}</dt><dd>${told(curve.planned_kw)}</dd></div>
      ${partWord(conflict) && html`<div><dt><i class="key limit"></i>${partWord(conflict)}</dt><dd>${told(curve.part_kw)}</dd></div>`}
      ${curve.unknown_kw.some(Boolean) &&
      html`<div title=${words.plans.unknown_hint}><dt><i class="key unknown"></i>${words.plans.unknown}</dt><dd>${told(curve.unknown_kw)}</dd></div>`}
      ${conflict.kind !== "unknown" &&
      html`<div><dt><i class="key excess"></i>${conflict.kind === "short_of_start" ? words.conflicts.shortfall : words.conflicts.excess}</dt>
        <dd>${power(conflict.peak_excess_kw)}, ${energy(conflict.excess_kwh)}</dd></div>`}
    </dl>`;
}

const partWord = (conflict) =>
  ({ planned_under_stop: words.conflicts.allowed, short_of_start: words.conflicts.asked, step_under_hold: words.conflicts.held })[conflict.kind] ??
  (conflict.limit_kind === "unforeseen" ? "" : words.conflicts.part);

/** What has no plan, above what has one; cut off where the chart ends. */
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
  intervals.forEach((each, index) => {
    const low = Math.min(each.planned_kw, each.part_kw);
    const [x, y, wide, tall] = box(drawing, { from: Date.parse(each.start), to: Date.parse(each.end), low, high: topOf(each) });
    if (wide <= 0) return;
    for (const fill of [colour("excess-fill"), hatch(ctx, "excess", { lean: -1, gap: 6 })]) {
      ctx.fillStyle = fill;
      ctx.fillRect(x, y, wide, tall);
    }
    // Around all that hangs together, not around each quarter of an hour.
    const sides = [intervals[index - 1]?.end !== each.start && x, intervals[index + 1]?.start !== each.end && x + wide];
    ctx.beginPath();
    for (const level of [y, y + tall]) line(ctx, [x, level], [x + wide, level]);
    for (const side of sides) if (side !== false) line(ctx, [side, y], [side, y + tall]);
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
  const line = (asset) => html`<li key=${asset.asset_id}><span class="id">${asset.asset_id}</span> <span>${asset.energy_kwh === null ? words.conflicts.no_plan : energy(asset.energy_kwh)}</span></li>`;
  if (!shown.length) return null;
  return html`<details class="assets" open>
    <summary>${words.conflicts.assets}: ${Math.max(count, shown.length)}</summary>
    <ul>${shown.map(line)}</ul>
  </details>`;
}
