// Colours of the style sheet for canvases, and hatching, which distinguishes areas without colour.

const system = matchMedia("(prefers-color-scheme: dark)");

/** Return a colour of the style sheet. A canvas does not understand `light-dark(a, b)`: return the colour of the current theme. */
export function colour(name) {
  const style = getComputedStyle(document.documentElement);
  const value = style.getPropertyValue(`--${name}`).trim();
  const pair = /^light-dark\((.*), (.*)\)$/.exec(value);
  return pair ? pair[isDark(style.colorScheme) ? 2 : 1] : value;
}

const isDark = (scheme) => scheme === "dark" || (scheme.includes("dark") && system.matches);

const patterns = new Map();

/** Return a pattern of diagonal lines; `lean` -1 mirrors it. */
export function hatch(context, name, { lean = 1, gap = 7, width = 1.5 } = {}) {
  const ratio = devicePixelRatio || 1;
  const key = `${name} ${colour(name)} ${lean} ${gap} ${ratio}`;
  if (!patterns.has(key)) patterns.set(key, makeTile(colour(name), lean, { size: Math.round(gap * ratio), width: width * ratio }));
  return context.createPattern(patterns.get(key), "repeat");
}

function makeTile(stroke, lean, { size, width }) {
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

/**
 * Call the listener when the colours change: by the system, by the user, or for printing.
 * @returns a function that removes the listener
 */
export function onColours(listener) {
  const media = [system, matchMedia("print")];
  for (const query of media) query.addEventListener("change", listener);
  addEventListener("tps-theme", listener);
  return () => {
    for (const query of media) query.removeEventListener("change", listener);
    removeEventListener("tps-theme", listener);
  };
}
