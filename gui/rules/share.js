// The view state in the address. It is in the fragment, which is never sent to a server, and never contains a token.

import { checkedWindow, isDay } from "./time.js";

export const VIEWS = ["plans", "limits", "conflicts", "readiness"];
const CODE = /^[0-9A-Za-z-]{4,40}$/;

/** Return the view state of a fragment, without invalid values. */
export function readFragment(fragment) {
  const [view, query = ""] = fragment.replace(/^#/, "").split("?");
  const parameters = new URLSearchParams(query);
  const window = checkedWindow(Date.parse(parameters.get("from")), Date.parse(parameters.get("to")));
  const zoom = checkedWindow(Date.parse(parameters.get("zoom-from")), Date.parse(parameters.get("zoom-to")));
  return {
    view: VIEWS.includes(view) ? view : "plans",
    ...codes(parameters),
    ...(isDay(parameters.get("day")) ? { day: parameters.get("day") } : {}),
    ...(window ? { window } : {}),
    ...(zoom ? { zoom: { min: zoom.from, max: zoom.to } } : {}),
    ...(parameters.get("selected") ? { selected: parameters.get("selected").slice(0, 120) } : {}),
  };
}

function codes(parameters) {
  const names = ["operator", "dso"].filter((name) => CODE.test(parameters.get(name) ?? ""));
  return Object.fromEntries(names.map((name) => [name, parameters.get(name)]));
}

/** Return the fragment of a view state. */
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

/** Return the code of a sign-in link, null for other addresses. */
export function signInCode(fragment) {
  const match = /^#sign-in=([\w-]{20,100})$/.exec(fragment);
  return match ? match[1] : null;
}
