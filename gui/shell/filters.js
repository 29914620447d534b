// The filters: operator, DSO and period.

import { html, useEffect, useState } from "../lib/preact.js";
import { texts } from "../rules/texts.js";
import { addDays, checkedWindow, dayOf, instantOf, isDay, wallClock } from "../rules/time.js";

export function Filters({ state, go, parties, zone, window, viewport }) {
  const withRole = (...roles) => parties.filter((party) => roles.includes(party.role));
  const isFree = Boolean(state.window);
  const day = dayOf(window.from, zone);
  const toDay = (next) => go({ day: next, window: undefined, zoom: undefined });
  return html`<section class="filters" aria-label=${texts.filters}>
    <${Choice} label=${texts.operator} all=${texts.all_operators} parties=${withRole("agr", "brp")} value=${state.operator} onChange=${(operator) => go({ operator })} />
    <${Choice} label=${texts.dso} all=${texts.all_dsos} parties=${withRole("dso")} value=${state.dso} onChange=${(dso) => go({ dso })} />
    <div class="when">
      ${!isFree &&
      html`<button onClick=${() => toDay(addDays(day, -1))} aria-label=${texts.previous_day} title=${texts.previous_day}>‹</button>
        <label>${texts.day}<input type="date" value=${day} onChange=${(event) => isDay(event.target.value) && toDay(event.target.value)} /></label>
        <button onClick=${() => toDay(addDays(day, 1))} aria-label=${texts.next_day} title=${texts.next_day}>›</button>
        <button onClick=${() => toDay(undefined)}>${texts.today}</button>
        <button onClick=${() => go({ window: { ...window }, zoom: undefined })}>${texts.free_window}</button>`}
      ${isFree && html`<${FreeWindow} ...${{ window, zone, go }} /><button onClick=${() => toDay(dayOf(window.from, zone))}>${texts.one_day}</button>`}
    </div>
    <div class="zoom" role="group" aria-label=${texts.zoom}>
      <button onClick=${() => viewport.pan(-0.25)} aria-label=${texts.earlier} title=${texts.earlier}>←</button>
      <button onClick=${() => viewport.zoom(0.6)} aria-label=${texts.zoom_in} title=${texts.zoom_in}>+</button>
      <button onClick=${() => viewport.zoom(1 / 0.6)} aria-label=${texts.zoom_out} title=${texts.zoom_out}>−</button>
      <button onClick=${() => viewport.pan(0.25)} aria-label=${texts.later} title=${texts.later}>→</button>
      <button onClick=${() => viewport.reset()}>${texts.zoom_reset}</button>
    </div>
  </section>`;
}

function Choice({ label, all, parties, value, onChange }) {
  const isUnknown = value && !parties.some((party) => party.code === value);
  return html`<label>${label}
    <select value=${value ?? ""} onChange=${(event) => onChange(event.target.value || undefined)}>
      <option value="">${all}</option>
      ${parties.map((party) => html`<option key=${party.code} value=${party.code} selected=${party.code === value}>${party.name}</option>`)}
      ${isUnknown && html`<option value=${value} selected>${texts.unknown_party(value)}</option>`}
    </select>
  </label>`;
}

function FreeWindow({ window, zone, go }) {
  // The period may be invalid until the user has set both ends.
  const [draft, setDraft] = useState(window);
  const isInvalid = !checkedWindow(draft.from, draft.to);
  useEffect(() => setDraft(window), [window.from, window.to]);
  const change = (name, text) => {
    if (!text) return;
    const instant = instantOf(text.slice(0, 10), zone, Number(text.slice(11, 13)) * 60 + Number(text.slice(14, 16)));
    const next = { ...draft, [name]: instant };
    const checked = checkedWindow(next.from, next.to);
    setDraft(next);
    if (checked) go({ window: checked, zoom: undefined });
  };
  const field = (name) => html`<label>${texts[name]}<input type="datetime-local" value=${local(draft[name], zone)} onChange=${(event) => change(name, event.target.value)} /></label>`;
  return html`${field("from")}${field("to")}${isInvalid && html`<p role="alert" class="warn">${texts.window_wrong}</p>`}`;
}

function local(instant, zone) {
  const { hour, minute } = wallClock(instant, zone);
  return `${dayOf(instant, zone)}T${String(hour).padStart(2, "0")}:${String(minute).padStart(2, "0")}`;
}
