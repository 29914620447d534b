// What the address says: which view, of whom, when. In the fragment, which no server sees; no token, ever.

import { checkedWindow, isDay } from "./time.js";

export const VIEWS = ["plans", "limits", "conflicts", "readiness"];
const CODE = /^[0-9A-Za-z-]{4,40}$/;

/** A view's state from a fragment; what does not hold is left out. */
export function readFragment(fragment) {
  const [view, query = ""] = fragment.replace(/^#/, "").split("?");
  const given = new URLSearchParams(query);
  const window = checkedWindow(Date.parse(given.get("from")), Date.parse(given.get("to")));
  const zoom = checkedWindow(Date.parse(given.get("zoom-from")), Date.parse(given.get("zoom-to")));
  return {
    view: VIEWS.includes(view) ? view : "plans",
    ...codes(given),
    ...(isDay(given.get("day")) ? { day: given.get("day") } : {}),
    ...(window ? { window } : {}),
    ...(zoom ? { zoom: { min: zoom.from, max: zoom.to } } : {}),
    ...(given.get("selected") ? { selected: given.get("selected").slice(0, 120) } : {}),
  };
}

function codes(given) {
  const names = ["operator", "dso"].filter((name) => CODE.test(given.get(name) ?? ""));
  return Object.fromEntries(names.map((name) => [name, given.get(name)]));
}

/** The fragment of a state. */
export function writeFragment(state) {
  const query = new URLSearchParams();
  for (const name of ["operator", "dso"]) if (state[name]) query.set(name, state[name]);
  if (state.window) setSpan(query, "", state.window.from, state.window.to);
  else if (state.day) query.set("day", state.day);
  if (state.zoom) setSpan(query, "zoom-", state.zoom.min, state.zoom.max);
  if (state.selected) query.set("selected", state.selected);
  return `#${state.view}${query.size ? `?${query}` : ""}`;
}

function setSpan(query, prefix, from, to) {
  const minute = (instant) => new Date(Math.round(instant / 60_000) * 60_000).toISOString().slice(0, 16) + "Z";
  query.set(`${prefix}from`, minute(from));
  query.set(`${prefix}to`, minute(to));
}

/** The code of an address that signs in, null if it has none. */
export function signInCode(fragment) {
  const found = /^#sign-in=([\w-]{20,100})$/.exec(fragment);
  return found ? found[1] : null;
}
