// The view of plans: the planned power in total and by operator, or by asset of the selected operator.

import { html, useContext, useEffect, useMemo, useState } from "../lib/preact.js";
import { useAnswer, usePages } from "../data/answers.js";
import { Chart, box, chartHeight } from "../drawing/chart.js";
import { hatch } from "../drawing/colours.js";
import { Rows } from "../drawing/rows.js";
import { Spark } from "../drawing/spark.js";
import { Place, useNow } from "../drawing/timeline.js";
import { assetsCsv, plansCsv } from "../rules/csv.js";
import { power } from "../rules/numbers.js";
import { bothDirections, differences, extent, isChanged, signed, stepAt, total } from "../rules/steps.js";
import { texts } from "../rules/texts.js";
import { MINUTE, iso } from "../rules/time.js";
import { Empty, Failed, Loading, Time } from "./parts.js";

const PAGE = 200;
const NO_PLANS = [];

export function Plans({ api, state, window, versions, go, onCsv, onError }) {
  const query = { party: parties(state), from: iso(window.from), to: iso(window.to) };
  const answer = useAnswer(api, "/schedules", query, [versions.plans, versions.registry], onError);
  const plans = answer.body?.schedules ?? NO_PLANS;
  const shown = useMemo(() => total(plans), [plans]);
  const selected = state.operator ? plans.find((plan) => plan.operator === state.operator) : undefined;

  useEffect(() => {
    if (!state.operator && answer.body) onCsv(() => plansCsv(answer.body));
  }, [answer.body, state.operator]);

  if (answer.error && !answer.body) return html`<${Failed} error=${answer.error} />`;
  if (!answer.body) return html`<${Loading} />`;
  if (!plans.length) return html`<${Empty} text=${texts.plans.none} />`;
  return html`
    <${TotalChart} ...${{ shown, window, plans }} name=${selected?.name ?? texts.plans.total} onBack=${state.operator && (() => go({ operator: undefined }))} />
    ${state.operator
      ? html`<${Assets} key=${state.operator} ...${{ api, query, window, versions, onCsv, onError }} />`
      : html`<${Operators} plans=${plans} go=${go} />`}
  `;
}

const parties = (state) => [state.operator, state.dso].filter(Boolean);

function TotalChart({ shown, window, name, plans, onBack }) {
  const { isNarrow } = useContext(Place);
  const [cursor, setCursor] = useState(null);
  const at = useMemo(() => Array.from(shown.minutes, (minute) => window.from + minute * MINUTE), [shown, window.from]);
  const lines = useMemo(() => linesOf(shown), [shown]);
  const range = useMemo(() => rangeOf(shown), [shown]);
  const behind = (drawing) => drawUnknown(drawing, shown, window);
  return html`<section class="figure" aria-label=${name}>
    <${Legend} ...${{ shown, window, name, plans, onBack }} at=${cursor} />
    <${Chart} ...${{ at, lines, range, behind }} end=${window.to} height=${isNarrow ? 240 : chartHeight()}
      label=${useLabel(shown, window, name)} onCursor=${setCursor} />
  </section>`;
}

function linesOf(shown) {
  const before = shown.isChanged
    ? [
        { column: shown.upBefore, colour: "announced", width: 1.5, dash: [6, 4] },
        { column: shown.downBefore, colour: "announced", width: 1.5, dash: [6, 4] },
      ]
    : [];
  const has = (column) => column.some((value) => value);
  const net = has(shown.up) && has(shown.down) ? [{ column: shown.net, colour: "ink", width: 1.5, dash: [2, 3] }] : [];
  return [
    { column: shown.up, colour: "production", fill: "production-fill", width: 2 },
    { column: shown.down, colour: "consumption", fill: "consumption-fill", width: 2 },
    ...before,
    ...net,
  ];
}

function rangeOf(shown) {
  const maxima = shown.up.map((value, index) => (value ?? 0) + shown.unknownUp[index]);
  const minima = shown.down.map((value, index) => (value ?? 0) - shown.unknownDown[index]);
  const [bottom, high] = extent(maxima, minima, shown.upBefore, shown.downBefore);
  const top = Math.max(high, 1);
  return [bottom * 1.08, top * 1.08];
}

function drawUnknown(drawing, shown, window) {
  const { ctx } = drawing;
  ctx.save();
  shown.minutes.forEach((minute, index) => {
    const from = window.from + minute * MINUTE;
    const to = index + 1 < shown.minutes.length ? window.from + shown.minutes[index + 1] * MINUTE : window.to;
    const [up, down] = [shown.up[index] ?? 0, shown.down[index] ?? 0];
    ctx.fillStyle = hatch(ctx, "unknown");
    const [unknownUp, unknownDown] = [shown.unknownUp[index], shown.unknownDown[index]];
    if (unknownUp) ctx.fillRect(...box(drawing, { from, to, low: up, high: up + unknownUp }));
    if (unknownDown) ctx.fillRect(...box(drawing, { from, to, low: down - unknownDown, high: down }));
  });
  ctx.restore();
}

function useLabel(shown, window, name) {
  const { zone, write } = useContext(Place);
  let peak = -1;
  shown.up.forEach((value, index) => {
    if (value !== null && (peak < 0 || value > shown.up[peak])) peak = index;
  });
  if (peak < 0) return texts.plans.chart_unknown(name);
  return texts.plans.chart(name, power(shown.up[peak]), write(window.from + shown.minutes[peak] * MINUTE, zone));
}

function Legend({ shown, at, window, name, plans, onBack }) {
  const { zone, write } = useContext(Place);
  const now = useNow(20_000);
  const initial = now >= window.from && now < window.to ? now : window.from;
  const instant = at ?? initial;
  const index = stepAt(shown.minutes, (instant - window.from) / MINUTE);
  const valueOf = (column) => (column[index] === null || column[index] === undefined ? "–" : power(Math.abs(column[index])));
  const net = (value) => (value === null || value === undefined ? "–" : power(value));
  const planned = plans.reduce((sum, plan) => sum + plan.planned_asset_count, 0);
  const all = plans.reduce((sum, plan) => sum + plan.asset_count, 0);
  return html`<div class="legend">
    ${onBack && html`<button class="back" onClick=${onBack}>← ${texts.plans.back}</button>`}
    <h2>${name}</h2>
    <p class="muted">${texts.plans.planned(planned, all)}</p>
    <p class="at"><${Time} at=${instant} zone=${zone} write=${write} /></p>
    <dl>
      <div><dt><i class="key production"></i>${texts.plans.production}</dt><dd>${valueOf(shown.up)}</dd></div>
      <div><dt><i class="key consumption"></i>${texts.plans.consumption}</dt><dd>${valueOf(shown.down)}</dd></div>
      <div><dt><i class="key net"></i>${texts.plans.net}</dt><dd>${net(shown.net[index])}</dd></div>
      ${shown.isChanged &&
      html`<div><dt><i class="key announced"></i>${texts.plans.announced}</dt><dd>${valueOf(shown.upBefore)}</dd></div>`}
      ${[shown.unknownUp, shown.unknownDown].some((column) => column.some(Boolean)) &&
      html`<div title=${texts.plans.unknown_hint}><dt><i class="key unknown"></i>${texts.plans.unknown}</dt><dd>${unknownText(shown, index)}</dd></div>`}
    </dl>
  </div>`;
}

const unknownText = (shown, index) => {
  const values = [shown.unknownUp[index], shown.unknownDown[index]];
  const labels = values.map((value, side) => value > 0 && `${side ? "▼" : "▲"} ${power(value)} `);
  return values.some((value) => value > 0) ? labels : "–";
};

function Operators({ plans, go }) {
  const rows = useMemo(() => plans.map(rowOf), [plans]);
  const draw = (index, extra) => {
    const { plan, now, before } = rows[index];
    return html`
      <div class="label">
        <button class="name" onClick=${() => go({ operator: plan.operator, selected: undefined })} title=${texts.plans.open(plan.name)}>${plan.name}</button>
        <span class="muted">${texts.plans.planned(plan.planned_asset_count, plan.asset_count)}${before && html` · <${Changed} />`}</span>
      </div>
      <div class="track" data-moves>
        <${Spark} ...${{ ...now, before }} high=${plan.installed_production_kw} low=${-plan.installed_consumption_kw} height=${44 + extra} />
      </div>`;
  };
  return html`<${Rows} count=${rows.length} height=${(isNarrow) => (isNarrow ? 92 : 60)} draw=${draw} keyAt=${(index) => plans[index].operator} label=${texts.plans.operators} />`;
}

function rowOf(plan) {
  const now = signed(plan.current);
  return { plan, now, before: plan.announced && differences(signed(plan.announced), now) };
}

function Assets({ api, query, window, versions, onCsv, onError }) {
  const list = usePages(api, "/schedules", { ...query, per_asset: true, limit: PAGE }, [versions.plans, versions.registry], { itemsKey: "assets", onError });
  const assets = list.items;
  useEffect(() => {
    if (assets) onCsv(() => assetsCsv(window.from, assets));
  }, [assets]);

  if (list.error && !assets) return html`<${Failed} error=${list.error} />`;
  if (!assets) return html`<${Loading} />`;
  const draw = (index, extra) => html`<${AssetRow} asset=${assets[index]} extra=${extra} />`;
  return html`<${Rows} count=${assets.length} height=${(isNarrow) => (isNarrow ? 76 : 44)} draw=${draw} keyAt=${(index) => assets[index].asset_id} onEnd=${list.more} label=${texts.plans.assets} />`;
}

function AssetRow({ asset, extra }) {
  const now = useMemo(() => bothDirections(asset), [asset]);
  const before = useMemo(() => (isChanged(asset) ? differences(bothDirections(asset.announced), now) : undefined), [asset]);
  const isPlanned = asset.power_kw.some((value) => value !== null);
  const limits = [asset.max_production_kw ?? 0, asset.max_consumption_kw ?? 0];
  const maximum = power(Math.max(...limits));
  return html`
    <div class="label">
      <span class="name id">${asset.asset_id}</span>
      <span class="muted">${texts.asset_kinds[asset.kind] ?? asset.kind ?? ""} · ${isPlanned ? maximum : `${texts.plans.no_plan}, ${texts.plans.up_to(maximum)}`}${before && html` · <${Changed} />`}</span>
    </div>
    <div class="track" data-moves>
      <${Spark} ...${{ ...now, before }} high=${limits[0]} low=${-limits[1]} height=${30 + extra} />
    </div>`;
}

const Changed = () => html`<b class="changed" title=${texts.plans.changed_hint}>${texts.plans.changed}</b>`;
