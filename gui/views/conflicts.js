// Conflicts: plan against part, worst first, each in a plain sentence, the excess shaded on the timeline.

import { html, useContext, useEffect, useMemo } from "../lib/preact.js";
import { Chart, box } from "../chart.js";
import { colour, hatch } from "../colours.js";
import { useAnswer, usePages } from "../data.js";
import { Rows, stretch } from "../rows.js";
import { iso } from "../rules/time.js";
import { energy, power } from "../rules/numbers.js";
import { conflictCurve, partSpans } from "../rules/layout.js";
import { conflictsCsv } from "../rules/csv.js";
import { keyOf, sentence } from "../rules/sentences.js";
import { Place } from "../timeline.js";
import { words } from "../texts.js";
import { Empty, Failed, Loading } from "../parts.js";

const PAGE = 100;

export function Conflicts({ api, state, window, versions, names, go, onCsv, onError }) {
  const query = { agr: state.operator, dso: state.dso, from: iso(window.from), to: iso(window.to) };
  const news = [versions.plans, versions.limits];
  const list = usePages(api, "/conflicts", { ...query, limit: PAGE }, news, { read: "conflicts", onError });
  const found = list.items;
  const chosen = useNamed(api, { query, list, news, onError, selected: state.selected }) ?? found?.[0];

  useEffect(() => {
    if (found) onCsv(() => conflictsCsv(found));
  }, [found]);

  if (list.error && !found) return html`<${Failed} error=${list.error} />`;
  if (!found) return html`<${Loading} />`;
  if (!found.length) return html`<${Empty} text=${words.conflicts.none} />`;
  const peak = Math.max(...found.map((each) => each.peak_excess_kw), 1);
  const draw = (index) => html`<${ConflictRow} ...${{ conflict: found[index], peak, names, go, isOpen: found[index] === chosen }} />`;
  return html`
    <${Chosen} ...${{ api, conflict: chosen, window, state, versions, names, onError }} />
    <${Rows} count=${found.length} height=${(isNarrow) => (isNarrow ? 156 : 78)} draw=${draw} onEnd=${list.more} label=${tally(found, list.isMore)} />
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
  const { viewport, zone } = useContext(Place);
  const text = sentence(conflict, names(conflict.dso), { words, zone });
  const isUnknown = conflict.kind === "unknown";
  return html`
    <div class="label">
      <button class="name" aria-pressed=${isOpen} onClick=${() => go({ selected: keyOf(conflict) })}>${conflict.name}</button>
      <span class="muted">${names(conflict.dso)}${conflict.limit_kind === "unforeseen" ? ` · ${words.kinds.unforeseen}` : ""}</span>
      <b class=${isUnknown ? "unknown-word" : "excess"}>${isUnknown ? words.conflicts.unknown : `${power(conflict.peak_excess_kw)} · ${energy(conflict.excess_kwh)}`}</b>
    </div>
    <div class=${`track ${isOpen ? "is-chosen" : ""}`} data-moves>
      <span class="period" style=${stretch(viewport, Date.parse(conflict.start), Date.parse(conflict.end))}></span>
      ${conflict.intervals.map(
        (each) => html`<span key=${each.start} class="bar is-excess" style=${{ ...stretch(viewport, Date.parse(each.start), Date.parse(each.end)), "--share": Math.max(0.2, each.excess_kw / peak) }} title=${`${power(each.excess_kw)}, ${each.start} – ${each.end}`}></span>`,
      )}
      ${isUnknown && html`<span class="bar is-unknown" style=${stretch(viewport, Date.parse(conflict.start), Date.parse(conflict.end))}></span>`}
      <p class="sentence">${text}</p>
    </div>`;
}

function Chosen({ api, conflict, window, state, versions, names, onError }) {
  const { zone, isNarrow } = useContext(Place);
  const query = { party: [conflict.operator, conflict.dso], from: iso(window.from), to: iso(window.to) };
  const limits = useAnswer(api, "/limits", query, [versions.limits], onError);
  const limit = limits.body?.limits.find((each) => each.id === conflict.limit_id && each.dso === conflict.dso);
  const curve = useMemo(() => curveOf(conflict, limit, window), [conflict, limit, window]);
  const lines = useMemo(
    () => [
      { column: curve.planned, colour: "production", fill: "production-fill", width: 2 },
      { column: curve.part, colour: "limit", width: 2.5, dash: [8, 4] },
    ],
    [curve],
  );
  const text = sentence(conflict, names(conflict.dso), { words, zone });
  const reach = Math.max(...curve.planned, ...curve.part, ...conflict.intervals.flatMap((each) => [each.planned_kw, each.part_kw]), conflict.unknown?.up_to_kw ?? 0, 1) * 1.12;
  const before = (drawing) => shade(drawing, conflict);
  return html`<section class="figure" aria-label=${text}>
    <div class="legend">
      <h2>${conflict.name}</h2>
      <p class="say">${text}</p>
      <dl>
        <div><dt><i class="key production"></i>${words.conflicts.planned}</dt></div>
        <div><dt><i class="key limit"></i>${partWord(conflict)}</dt></div>
        ${conflict.kind !== "unknown" &&
        html`<div><dt><i class="key excess"></i>${conflict.kind === "short_of_start" ? words.conflicts.shortfall : words.conflicts.excess}</dt>
          <dd>${power(conflict.peak_excess_kw)}<br />${energy(conflict.excess_kwh)}</dd></div>`}
      </dl>
      <${Assets} ...${{ api, conflict, window, state, onError }} />
    </div>
    <${Chart} at=${curve.at} end=${curve.end} lines=${lines} range=${[0, reach]} height=${isNarrow ? 220 : 310} label=${text} before=${before} />
  </section>`;
}

const partWord = (conflict) =>
  ({ short_of_start: words.conflicts.asked, step_under_hold: words.conflicts.held })[conflict.kind] ?? words.conflicts.part;

function curveOf(conflict, limit, window) {
  if (conflict.curve) {
    const at = conflict.curve.minutes.map((minute) => window.from + minute * 60_000);
    return { at, end: window.to, planned: conflict.curve.planned_kw, part: conflict.curve.part_kw };
  }
  const curve = conflictCurve(conflict, limit ? partSpans(limit, conflict.operator) : []);
  return { ...curve, end: curve.at.at(-1) ?? window.to };
}

function shade(drawing, conflict) {
  const { ctx } = drawing;
  ctx.save();
  if (conflict.kind === "unknown") {
    ctx.fillStyle = hatch(ctx, "unknown");
    ctx.fillRect(...box(drawing, { from: Date.parse(conflict.start), to: Date.parse(conflict.end), low: 0, high: conflict.unknown.up_to_kw }));
  }
  for (const each of conflict.intervals) {
    const [low, high] = [each.planned_kw, each.part_kw].sort((a, b) => a - b);
    // Under a hold a step counts whichever way it goes, and planned and held may be the same in sum.
    const top = conflict.kind === "step_under_hold" ? Math.max(high, low + each.excess_kw) : high;
    const stretch = box(drawing, { from: Date.parse(each.start), to: Date.parse(each.end), low, high: top });
    ctx.fillStyle = colour("excess-fill");
    ctx.fillRect(...stretch);
    ctx.fillStyle = hatch(ctx, "excess", { lean: -1, gap: 6 });
    ctx.fillRect(...stretch);
    ctx.strokeStyle = colour("excess");
    ctx.lineWidth = 1.5 * devicePixelRatio;
    ctx.strokeRect(...stretch);
  }
  ctx.restore();
}

const SHOWN = 5;

function Assets({ api, conflict, window, onError }) {
  const query = { agr: conflict.operator, dso: conflict.dso, from: iso(window.from), to: iso(window.to), limit: 100 };
  const isMore = conflict.assets.count > conflict.assets.largest.length;
  const all = useAnswer(api, isMore ? `/conflicts/${encodeURIComponent(conflict.limit_id)}/assets` : null, query, [conflict], onError);
  const first = conflict.assets.largest.slice(0, SHOWN);
  const rest = all.body?.assets.slice(first.length) ?? [];
  const line = (asset) => html`<li key=${asset.asset_id}><span class="id">${asset.asset_id}</span> <span>${asset.energy_kwh === null ? words.conflicts.no_plan : energy(asset.energy_kwh)}</span></li>`;
  if (!conflict.assets.count) return null;
  return html`<details class="assets" open>
    <summary>${words.conflicts.assets}: ${conflict.assets.count}</summary>
    <ul>${first.map(line)}${rest.map(line)}</ul>
  </details>`;
}
