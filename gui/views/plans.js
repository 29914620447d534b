// Plans: what is produced and consumed, in total and by operator; of one operator by asset.

import { html, useContext, useEffect, useMemo, useState } from "../lib/preact.js";
import { useAnswer, usePages } from "../data/answers.js";
import { Chart, box, tallChart } from "../drawing/chart.js";
import { hatch } from "../drawing/colours.js";
import { Rows } from "../drawing/rows.js";
import { Spark } from "../drawing/spark.js";
import { Place, useNow } from "../drawing/timeline.js";
import { assetsCsv, plansCsv } from "../rules/csv.js";
import { power } from "../rules/numbers.js";
import { bothWays, extent, isChanged, otherwise, signed, stepAt, total } from "../rules/steps.js";
import { words } from "../rules/texts.js";
import { MINUTE, iso } from "../rules/time.js";
import { Empty, Failed, Loading, Time } from "./parts.js";

const PAGE = 200;
const NO_PLANS = [];

export function Plans({ api, state, window, versions, go, onCsv, onError }) {
  const query = { party: parties(state), from: iso(window.from), to: iso(window.to) };
  const answer = useAnswer(api, "/schedules", query, [versions.plans, versions.registry], onError);
  const plans = answer.body?.schedules ?? NO_PLANS;
  const shown = useMemo(() => total(plans), [plans]);
  const one = state.operator ? plans.find((plan) => plan.operator === state.operator) : undefined;

  useEffect(() => {
    if (!state.operator && answer.body) onCsv(() => plansCsv(answer.body));
  }, [answer.body, state.operator]);

  if (answer.error && !answer.body) return html`<${Failed} error=${answer.error} />`;
  if (!answer.body) return html`<${Loading} />`;
  if (!plans.length) return html`<${Empty} text=${words.plans.none} />`;
  return html`
    <${TotalChart} ...${{ shown, window, plans }} name=${one?.name ?? words.plans.total} onBack=${state.operator && (() => go({ operator: undefined }))} />
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
    <${Chart} ...${{ at, lines, range, behind }} end=${window.to} height=${isNarrow ? 240 : tallChart()}
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
  const most = shown.up.map((value, index) => (value ?? 0) + shown.unknownUp[index]);
  const least = shown.down.map((value, index) => (value ?? 0) - shown.unknownDown[index]);
  const [bottom, high] = extent(most, least, shown.upBefore, shown.downBefore);
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
  let best = -1;
  shown.up.forEach((value, index) => {
    if (value !== null && (best < 0 || value > shown.up[best])) best = index;
  });
  if (best < 0) return words.plans.chart_unknown(name);
  return words.plans.chart(name, power(shown.up[best]), write(window.from + shown.minutes[best] * MINUTE, zone));
}

function Legend({ shown, at, window, name, plans, onBack }) {
  const { zone, write } = useContext(Place);
  const now = useNow(20_000);
  const inside = now >= window.from && now < window.to ? now : window.from;
  const instant = at ?? inside;
  const index = stepAt(shown.minutes, (instant - window.from) / MINUTE);
  const told = (column) => (column[index] === null || column[index] === undefined ? "–" : power(Math.abs(column[index])));
  const net = (value) => (value === null || value === undefined ? "–" : power(value));
  const planned = plans.reduce((sum, plan) => sum + plan.planned_asset_count, 0);
  const all = plans.reduce((sum, plan) => sum + plan.asset_count, 0);
  return html`<div class="legend">
    ${onBack && html`<button class="back" onClick=${onBack}>← ${words.plans.back}</button>`}
    <h2>${name}</h2>
    <p class="muted">${words.plans.planned(planned, all)}</p>
    <p class="at"><${Time} at=${instant} zone=${zone} write=${write} /></p>
    <dl>
      <div><dt><i class="key production"></i>${words.plans.production}</dt><dd>${told(shown.up)}</dd></div>
      <div><dt><i class="key consumption"></i>${words.plans.consumption}</dt><dd>${told(shown.down)}</dd></div>
      <div><dt><i class="key net"></i>${words.plans.net}</dt><dd>${net(shown.net[index])}</dd></div>
      ${shown.isChanged &&
      html`<div><dt><i class="key announced"></i>${words.plans.announced}</dt><dd>${told(shown.upBefore)}</dd></div>`}
      ${[shown.unknownUp, shown.unknownDown].some((column) => column.some(Boolean)) &&
      html`<div title=${words.plans.unknown_hint}><dt><i class="key unknown"></i>${words.plans.unknown}</dt><dd>${unknownTold(shown, index)}</dd></div>`}
    </dl>
  </div>`;
}

const unknownTold = (shown, index) => {
  const ways = [shown.unknownUp[index], shown.unknownDown[index]];
  const told = ways.map((value, way) => value > 0 && `${way ? "▼" : "▲"} ${power(value)} `);
  return ways.some((value) => value > 0) ? told : "–";
};

function Operators({ plans, go }) {
  const rows = useMemo(() => plans.map(rowOf), [plans]);
  const draw = (index, extra) => {
    const { plan, now, before } = rows[index];
    return html`
      <div class="label">
        <button class="name" onClick=${() => go({ operator: plan.operator, selected: undefined })} title=${words.plans.open(plan.name)}>${plan.name}</button>
        <span class="muted">${words.plans.planned(plan.planned_asset_count, plan.asset_count)}${before && html` · <${Changed} />`}</span>
      </div>
      <div class="track" data-moves>
        <${Spark} ...${{ ...now, before }} high=${plan.installed_production_kw} low=${-plan.installed_consumption_kw} height=${44 + extra} />
      </div>`;
  };
  return html`<${Rows} count=${rows.length} height=${(isNarrow) => (isNarrow ? 92 : 60)} draw=${draw} keyAt=${(index) => plans[index].operator} label=${words.plans.operators} />`;
}

function rowOf(plan) {
  const now = signed(plan.current);
  return { plan, now, before: plan.announced && otherwise(signed(plan.announced), now) };
}

function Assets({ api, query, window, versions, onCsv, onError }) {
  const list = usePages(api, "/schedules", { ...query, per_asset: true, limit: PAGE }, [versions.plans, versions.registry], { read: "assets", onError });
  const assets = list.items;
  useEffect(() => {
    if (assets) onCsv(() => assetsCsv(window.from, assets));
  }, [assets]);

  if (list.error && !assets) return html`<${Failed} error=${list.error} />`;
  if (!assets) return html`<${Loading} />`;
  const draw = (index, extra) => html`<${AssetRow} asset=${assets[index]} extra=${extra} />`;
  return html`<${Rows} count=${assets.length} height=${(isNarrow) => (isNarrow ? 76 : 44)} draw=${draw} keyAt=${(index) => assets[index].asset_id} onEnd=${list.more} label=${words.plans.assets} />`;
}

function AssetRow({ asset, extra }) {
  const now = useMemo(() => bothWays(asset), [asset]);
  const before = useMemo(() => (isChanged(asset) ? otherwise(bothWays(asset.announced), now) : undefined), [asset]);
  const isPlanned = asset.power_kw.some((value) => value !== null);
  const reach = [asset.max_production_kw ?? 0, asset.max_consumption_kw ?? 0];
  const most = power(Math.max(...reach));
  return html`
    <div class="label">
      <span class="name id">${asset.asset_id}</span>
      <span class="muted">${words.asset_kinds[asset.kind] ?? asset.kind ?? ""} · ${isPlanned ? most : `${words.plans.no_plan}, ${words.plans.up_to(most)}`}${before && html` · <${Changed} />`}</span>
    </div>
    <div class="track" data-moves>
      <${Spark} ...${{ ...now, before }} high=${reach[0]} low=${-reach[1]} height=${30 + extra} />
    </div>`;
}

const Changed = () => html`<b class="changed" title=${words.plans.changed_hint}>${words.plans.changed}</b>`;
