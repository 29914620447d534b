// Light or dark: the system's choice, or one made by hand and remembered.

const KEY = "tps-theme";
const ORDER = ["auto", "light", "dark"];

export const theme = () => localStorage.getItem(KEY) ?? "auto";

export function applyTheme() {
  document.documentElement.dataset.theme = theme();
}

export function nextTheme() {
  localStorage.setItem(KEY, ORDER[(ORDER.indexOf(theme()) + 1) % ORDER.length]);
  applyTheme();
  dispatchEvent(new Event("tps-theme"));
  return theme();
}
