// The colour theme: the system setting, or the user's stored choice.

import { storageOf } from "./storage.js";

const KEY = "tps-theme";
const ORDER = ["auto", "light", "dark"];

const storage = storageOf(() => localStorage);

export const theme = () => (ORDER.includes(storage.getItem(KEY)) ? storage.getItem(KEY) : ORDER[0]);

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}

export function nextTheme() {
  storage.setItem(KEY, ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length]);
  applyTheme();
  dispatchEvent(new Event("tps-theme"));
  return theme();
}
