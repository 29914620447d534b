// Colours for canvases, from the style sheet, and the hatching that tells apart without colour.

const system = matchMedia("(prefers-color-scheme: dark)");

/** The colour of a name as a canvas takes it: of `light-dark(a, b)` the one that is seen now. */
export function colour(name) {
  const style = getComputedStyle(document.documentElement);
  const value = style.getPropertyValue(`--${name}`).trim();
  const pair = /^light-dark\((.*), (.*)\)$/.exec(value);
  return pair ? pair[isDark(style.colorScheme) ? 2 : 1] : value;
}

const isDark = (scheme) => scheme === "dark" || (scheme.includes("dark") && system.matches);

const patterns = new Map();

/** Diagonal lines of a colour; `lean` -1 leans the other way. */
export function hatch(context, name, { lean = 1, gap = 7, width = 1.5 } = {}) {
  const ratio = devicePixelRatio || 1;
  const key = `${name} ${colour(name)} ${lean} ${gap} ${ratio}`;
  if (!patterns.has(key)) patterns.set(key, drawn(colour(name), lean, { size: Math.round(gap * ratio), width: width * ratio }));
  return context.createPattern(patterns.get(key), "repeat");
}

function drawn(stroke, lean, { size, width }) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const context = tile.getContext("2d");
  context.strokeStyle = stroke;
  context.lineWidth = width;
  context.beginPath();
  for (const shift of [-size, 0, size]) {
    context.moveTo(shift, lean > 0 ? size : 0);
    context.lineTo(shift + size, lean > 0 ? 0 : size);
  }
  context.stroke();
  return tile;
}

/** Calls back when colours change: the system's, or chosen by hand, or those of paper. */
export function onColours(listener) {
  const media = [system, matchMedia("print")];
  for (const each of media) each.addEventListener("change", listener);
  addEventListener("tps-theme", listener);
  return () => {
    for (const each of media) each.removeEventListener("change", listener);
    removeEventListener("tps-theme", listener);
  };
}
