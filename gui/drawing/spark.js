// The sparkline of a row: production above, consumption below the zero line, hatched where there is no plan.

import { html, useContext, useEffect, useLayoutEffect, useRef, useState } from "../lib/preact.js";
import { thinned } from "../rules/steps.js";
import { colour, hatch, onColours } from "./colours.js";
import { Place } from "./timeline.js";

/**
 * @param up, down columns over `minutes` of the window (null: unknown)
 * @param high, low values at the upper and lower edge of the row
 * @param before the columns as first announced, where they differ: a dashed line; undefined if the plan did not change
 */
export function Spark({ minutes, up, down, before, high, low, height }) {
  const { viewport, plot } = useContext(Place);
  const root = useRef();
  const [theme, setTheme] = useState(0);

  useEffect(() => onColours(() => setTheme((count) => count + 1)), []);
  useLayoutEffect(() => {
    const ratio = devicePixelRatio || 1;
    root.current.width = Math.round(plot * ratio);
    root.current.height = Math.round(height * ratio);
    const paint = () => draw(root.current, viewport, { minutes, up, down, before, high, low });
    paint();
    return viewport.subscribe(paint);
  }, [minutes, up, down, before, high, low, height, plot, viewport, theme]);

  return html`<canvas class="spark" ref=${root} aria-hidden="true" style=${{ width: `${plot}px`, height: `${height}px` }}></canvas>`;
}

function draw(canvas, viewport, { minutes, up, down, before, high, low }) {
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
  const sides = [
    { name: "production", steps: thinned(minutes, up, whole, (to - from) / width), edge: high, value: (step) => step.high },
    { name: "consumption", steps: thinned(minutes, down, whole, (to - from) / width), edge: low, value: (step) => step.low },
  ];
  const paintSteps = (paint) => {
    for (const side of sides) {
      for (const step of side.steps) {
        const [left, right] = [Math.max(Math.round(x(step.from)), 0), Math.min(Math.round(x(step.to)), width)];
        if (right > left) paint(side, side.value(step), left, right - left);
      }
    }
  };
  paintSteps(({ name, edge }, value, left, wide) => {
    if (value === null && !edge) return;
    context.fillStyle = value === null ? hatch(context, "unknown") : fills[name];
    const top = y(value ?? edge);
    context.fillRect(left, Math.min(top, y(0)), wide, Math.abs(top - y(0)));
  });
  // Drawn under the lines, so that it is visible only where it differs.
  if (before) {
    const announced = (name, inwards) => dash(context, thinned(before.minutes, before[name], whole, (to - from) / width), { x, y: (value) => y(value) + inwards });
    announced("up", line / 2);
    announced("down", -line / 2);
  }
  paintSteps(({ name }, value, left, wide) => {
    context.fillStyle = inks[name];
    if (!value) return;
    const [top, bottom] = name === "production" ? [y(value), Math.min(y(value) + line, y(0))] : [Math.max(y(value) - line, y(0)), y(value)];
    context.fillRect(left, top, wide, Math.max(bottom - top, 1));
  });
  context.fillStyle = colour("muted");
  context.fillRect(0, Math.round(y(0)), width, 1);
}

/** Draw a dashed step line with vertical edges and gaps where the value is unknown. */
function dash(context, steps, { x, y }) {
  const ratio = devicePixelRatio || 1;
  context.save();
  context.strokeStyle = colour("ink");
  context.lineWidth = 1.25 * ratio;
  context.setLineDash([5 * ratio, 3 * ratio]);
  context.beginPath();
  let isDown = false;
  for (const { from, to, last } of steps) {
    if (last !== null) {
      context[isDown ? "lineTo" : "moveTo"](x(from), y(last));
      context.lineTo(x(to), y(last));
    }
    isDown = last !== null;
  }
  context.stroke();
  context.restore();
}
