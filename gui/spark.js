// The steps of one row, small: production up, consumption down, hatched where nothing is planned.

import { html, useContext, useEffect, useLayoutEffect, useRef, useState } from "./lib/preact.js";
import { colour, hatch, onColours } from "./colours.js";
import { thinned } from "./rules/steps.js";
import { Place } from "./timeline.js";

/**
 * @param up, down columns over `minutes` of the window (null: unknown); `high`, `low` what fills the row
 */
export function Spark({ minutes, up, down, high, low, height }) {
  const { viewport, plot } = useContext(Place);
  const root = useRef();
  const [theme, again] = useState(0);

  useEffect(() => onColours(() => again((count) => count + 1)), []);
  useLayoutEffect(() => {
    const ratio = devicePixelRatio || 1;
    root.current.width = Math.round(plot * ratio);
    root.current.height = Math.round(height * ratio);
    const paint = () => draw(root.current, viewport, { minutes, up, down, high, low });
    paint();
    return viewport.subscribe(paint);
  }, [minutes, up, down, high, low, height, plot, viewport, theme]);

  return html`<canvas class="spark" ref=${root} aria-hidden="true" style=${{ width: `${plot}px`, height: `${height}px` }}></canvas>`;
}

function draw(canvas, viewport, { minutes, up, down, high, low }) {
  const context = canvas.getContext("2d");
  const { width, height } = canvas;
  const reach = high - low || 1;
  const y = (value) => ((high - value) / reach) * (height - 2) + 1;
  const whole = viewport.minutes(viewport.whole.to);
  const [from, to] = [viewport.minutes(viewport.range.min), viewport.minutes(viewport.range.max)];
  const x = (minute) => ((minute - from) / (to - from)) * width;
  const line = 2 * (devicePixelRatio || 1);
  const inks = { production: colour("production"), consumption: colour("consumption") };
  const fills = { production: colour("production-spark"), consumption: colour("consumption-spark") };
  context.clearRect(0, 0, width, height);
  for (const [column, edge, name] of [[up, high, "production"], [down, low, "consumption"]]) {
    for (const step of thinned(minutes, column, whole, (to - from) / width)) {
      const [left, right] = [Math.max(Math.round(x(step.from)), 0), Math.min(Math.round(x(step.to)), width)];
      if (right <= left) continue;
      const value = name === "production" ? step.high : step.low;
      if (value !== null) {
        context.fillStyle = fills[name];
        context.fillRect(left, Math.min(y(value), y(0)), right - left, Math.abs(y(value) - y(0)));
        if (value) {
          context.fillStyle = inks[name];
          context.fillRect(left, y(value) - (name === "production" ? 0 : line), right - left, line);
        }
      } else if (edge) {
        context.fillStyle = hatch(context, "unknown");
        context.fillRect(left, Math.min(y(edge), y(0)), right - left, Math.abs(y(edge) - y(0)));
      }
    }
  }
  context.fillStyle = colour("muted");
  context.fillRect(0, Math.round(y(0)), width, 1);
}
