// Number formats. Power is in kW everywhere; large values are written in MW.

import { texts } from "./texts.js";

const formats = new Map();

function formatOf(digits) {
  if (!formats.has(digits)) formats.set(digits, new Intl.NumberFormat(texts.locale, { maximumFractionDigits: digits }));
  return formats.get(digits);
}

/** "1,234.5" with at most `digits` decimals and a minus sign (U+2212). */
export const number = (value, digits = 0) =>
  formatOf(digits).format(value === 0 ? 0 : value).replace("-", "−");

function scaled(value, unit) {
  const size = Math.abs(value);
  if (size >= 100_000) return `${number(value / 1000, 0)} M${unit}`;
  if (size >= 10_000) return `${number(value / 1000, 1)} M${unit}`;
  return `${number(value, size < 0.01 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0)} k${unit}`;
}

/** "140 kW", "17.5 MW". */
export const power = (kw) => scaled(kw, "W");

/** "226.5 kWh", "17.5 MWh". */
export const energy = (kwh) => scaled(kwh, "Wh");

/** "3 s", "2 min", "5 h", "3 d": an age, rounded down. */
export function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** Return about `count` round numbers between two values, for an axis. */
export function roundSteps(low, high, count = 5) {
  const raw = (high - low) / count || 1;
  const magnitude = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * magnitude >= raw * 0.999) * magnitude;
  const values = [];
  for (let index = Math.ceil(low / step - 1e-9); index * step <= high + step * 1e-9; index += 1) values.push(index * step || 0);
  return values;
}
