// The view of readiness: the open items of the parties and of their components.

import { html, useEffect, useState } from "../lib/preact.js";
import { useAnswer } from "../data/answers.js";
import { useNow } from "../drawing/timeline.js";
import { csv } from "../rules/csv.js";
import { age, number } from "../rules/numbers.js";
import { texts } from "../rules/texts.js";
import { date, moment } from "../rules/time.js";
import { Failed, Loading, Time } from "./parts.js";

const MAXIMUM_ITEMS = 100;

export function Readiness({ api, versions, names, zone, onCsv, onError }) {
  const answer = useAnswer(api, "/readiness", {}, [versions.registry, versions.deliveries, versions.plans], onError);
  const now = useNow(10_000);
  useEffect(() => {
    if (answer.body) onCsv(() => partiesCsv(answer.body.parties));
  }, [answer.body]);
  if (answer.error && !answer.body) return html`<${Failed} error=${answer.error} />`;
  if (!answer.body) return html`<${Loading} />`;
  const { parties, counts } = answer.body;
  return html`<div class="readiness" tabindex="0" role="group" aria-label=${texts.readiness.heading}>
    <div class="cards">
      ${Object.keys(texts.readiness.lists).map((name) => html`<${Card} key=${name} ...${{ api, name, count: counts[name], versions, names, zone, onError }} />`)}
    </div>
    <h2>${texts.readiness.parties}</h2>
    <div class="wide"><table>
      <thead><tr>${["party", "role", "heard", "sent", "certificates", "undelivered", "needs"].map((name) => html`<th key=${name} scope="col" class=${name === "undelivered" ? "number" : ""}>${texts.readiness[name]}</th>`)}</tr></thead>
      <tbody>${parties.map((party) => html`<${Party} key=${party.code} ...${{ party, now, zone }} />`)}</tbody>
    </table></div>
  </div>`;
}

function Party({ party, now, zone }) {
  const component = party.component ?? {};
  const ageOf = (at) => (at ? html`<time datetime=${at} title=${moment(Date.parse(at), zone)}>${age(now - Date.parse(at))}</time>` : texts.readiness.never);
  return html`<tr>
    <th scope="row">${party.name}<br /><span class="id muted">${party.code}</span></th>
    <td>${texts.roles[party.role] ?? party.role}</td>
    <td>${ageOf(component.last_message_at)}</td>
    <td>${ageOf(component.last_sent_at)}</td>
    <td>${component.certificates_until ? html`<${Time} at=${component.certificates_until} zone=${zone} write=${date} />` : texts.readiness.unknown}
      ${component.is_certificate_near_expiry && html` <b class="warn">${texts.readiness.near}</b>`}</td>
    <td class="number">${party.undelivered_count}</td>
    <td>${party.needs.length
      ? party.needs.map((need) => html`<span key=${need} class="need">${texts.readiness.need_names[need] ?? need}</span>`)
      : html`<span class="fine">${texts.readiness.ready}</span>`}</td>
  </tr>`;
}

function Card({ api, name, count, versions, names, zone, onError }) {
  const [isOpen, open] = useState(false);
  const list = useAnswer(api, isOpen ? "/readiness" : null, { list: name, limit: MAXIMUM_ITEMS }, [versions.registry, versions.deliveries, versions.plans], onError);
  const items = list.body?.items ?? [];
  const hasHint = name in texts.readiness.hints;
  const total = count === null || count === undefined ? texts.readiness.unknown : number(count);
  return html`<section class=${`card ${count ? "has-some" : ""} ${isOpen ? "is-open" : ""}`}>
    <h2>${texts.readiness.lists[name]}</h2>
    <p class=${`count ${count === null || count === undefined ? "is-unknown" : ""}`}>${total}</p>
    ${count > 0 && hasHint && html`<p class="muted">${texts.readiness.hints[name]}</p>`}
    ${count > 0 && !hasHint && html`<button onClick=${() => open(!isOpen)} aria-expanded=${isOpen}>${isOpen ? texts.readiness.hide : texts.readiness.show}</button>`}
    ${isOpen && list.error && html`<${Failed} error=${list.error} />`}
    ${isOpen && items.length > 0 && html`<div class="wide"><${List} ...${{ items, names, zone }} /></div>`}
    ${isOpen && items.length < count && items.length > 0 && html`<p class="muted">${texts.first(items.length, total)}</p>`}
  </section>`;
}

function List({ items, names, zone }) {
  const columns = Object.keys(items[0]);
  const cell = (name, value) => {
    if (value === null || value === undefined) return "";
    if (/_at$/.test(name)) return html`<${Time} at=${value} zone=${zone} />`;
    return ["operator", "dso", "to", "sender", "receiver"].includes(name) ? names(value) : value;
  };
  return html`<table>
    <thead><tr>${columns.map((name) => html`<th key=${name} scope="col">${texts.readiness.columns[name] ?? name.replaceAll("_", " ")}</th>`)}</tr></thead>
    <tbody>${items.map((item, index) => html`<tr key=${index}>${columns.map((name) => html`<td key=${name}>${cell(name, item[name])}</td>`)}</tr>`)}</tbody>
  </table>`;
}

const partiesCsv = (parties) =>
  csv(
    ["code", "role", "name", "last_message_at", "certificates_until", "undelivered", "needs"],
    parties.map((party) => [party.code, party.role, party.name, party.component?.last_message_at, party.component?.certificates_until, party.undelivered_count, party.needs.join(" ")]),
  );
