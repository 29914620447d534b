// A step chart on the timeline, drawn by uPlot.

import { html, useContext, useEffect, useLayoutEffect, useRef, useState } from "../lib/preact.js";
import { power, roundSteps } from "../rules/numbers.js";
import { now } from "../rules/platform_time.js";
import { ticks } from "../rules/time.js";
import { colour, onColours } from "./colours.js";
import { Place } from "./timeline.js";

/** Return the points of a line with vertical edges: before each step, the previous value one millisecond earlier. */
export function edges(at, columns, end) {
  const x = [];
  const lines = columns.map(() => []);
  at.forEach((instant, index) => {
    if (index > 0) {
      x.push(instant - 1);
      columns.forEach((column, line) => lines[line].push(column[index - 1]));
    }
    x.push(instant);
    columns.forEach((column, line) => lines[line].push(column[index]));
  });
  if (x.length && x.at(-1) < end) {
    x.push(end);
    columns.forEach((column, line) => lines[line].push(column.at(-1)));
  }
  return [x, ...lines];
}

/**
 * A chart. It is rebuilt when its style or size changes; new values are passed to the existing chart.
 * @param at the instants at which steps begin
 * @param end the end of the last step
 * @param lines [{column, colour, width, dash, fill}]
 * @param range [lowest, highest] value
 * @param behind draws behind the lines, called with the uPlot object
 * @param before draws in front of the lines, called with the uPlot object
 * @param onCursor called with the instant under the pointer, null when the pointer leaves
 */
export function Chart({ at, end, lines, range, height, label, behind, before, onCursor }) {
  const root = useRef();
  const chart = useRef();
  const latest = useRef();
  const [theme, setTheme] = useState(0);
  const place = useContext(Place);
  const { viewport, width } = place;
  const style = lines.map((line) => [line.colour, line.width, line.dash, line.fill]).join();
  latest.current = { range, behind, before, onCursor, steps: roundSteps(range[0], range[1], Math.max(3, Math.floor(height / 48))) };

  useEffect(() => onColours(() => setTheme((count) => count + 1)), []);
  useLayoutEffect(() => {
    chart.current = new globalThis.uPlot(optionsOf(place, height, lines, latest), [[], ...lines.map(() => [])], root.current);
    const stop = viewport.subscribe(({ min, max }) => chart.current.setScale("x", { min, max }));
    return () => (stop(), chart.current.destroy());
  }, [style, width, height, viewport, theme]);
  useLayoutEffect(() => {
    chart.current.setData(edges(at, lines.map((line) => line.column), end));
  }, [at, lines, end, range[0], range[1], style, width, height, viewport, theme]);

  return html`<div class="chart" role="img" aria-label=${label} data-moves data-zooms ref=${root} style=${{ height: `${height}px` }}></div>`;
}

const optionsOf = ({ viewport, plot, left, right, width, zone }, height, lines, latest) => ({
  width,
  height,
  ms: 1,
  padding: [10, right, 10, 0],
  legend: { show: false },
  cursor: { drag: { x: false, y: false }, y: false, points: { show: false } },
  scales: {
    x: { range: () => [viewport.range.min, viewport.range.max] },
    y: { range: () => latest.current.range },
  },
  axes: [
    { show: true, size: 0, splits: () => ticks(viewport.range, plot, zone, 58).map((tick) => tick.at), values: () => [], grid: { stroke: colour("line"), width: 1 }, ticks: { show: false } },
    {
      size: left,
      gap: 6,
      stroke: colour("muted"),
      font: `${small()} ${getComputedStyle(document.body).fontFamily}`,
      splits: () => latest.current.steps,
      values: (_, values) => values.map((value) => power(Math.abs(value))),
      grid: { stroke: colour("line"), width: 1 },
      ticks: { show: false },
    },
  ],
  series: [{}, ...lines.map(series)],
  hooks: {
    drawAxes: [(drawing) => latest.current.behind?.(drawing)],
    draw: [(drawing) => (latest.current.before?.(drawing), drawZero(drawing), drawNow(drawing))],
    setCursor: [(drawing) => latest.current.onCursor?.(drawing.cursor.idx === null || drawing.cursor.left < 0 ? null : drawing.posToVal(drawing.cursor.left, "x"))],
  },
});

const small = () => colour("small");

const series = (line) => ({
  stroke: colour(line.colour),
  width: line.width ?? 2,
  dash: line.dash,
  fill: line.fill ? colour(line.fill) : undefined,
  points: { show: false },
  spanGaps: false,
});

/** Return the height of a chart beside its legend: higher on a taller screen. */
export const chartHeight = () => Math.round(Math.min(420, Math.max(300, innerHeight * 0.36)));

/** Return the rectangle between two instants and two values in canvas pixels: [x, y, width, height]. */
export function box(drawing, { from, to, low, high }) {
  const x = (instant) => Math.min(Math.max(drawing.valToPos(instant, "x", true), drawing.bbox.left), drawing.bbox.left + drawing.bbox.width);
  const [left, right] = [x(from), x(to)];
  const [bottom, top] = [drawing.valToPos(low, "y", true), drawing.valToPos(high, "y", true)];
  return [left, top, right - left, bottom - top];
}

function drawZero(drawing) {
  const { ctx, bbox } = drawing;
  const y = Math.round(drawing.valToPos(0, "y", true)) + 0.5;
  ctx.fillStyle = colour("ink");
  ctx.fillRect(bbox.left, y, bbox.width, devicePixelRatio);
}

function drawNow(drawing) {
  const { ctx, bbox } = drawing;
  const x = drawing.valToPos(now(), "x", true);
  if (x < bbox.left || x > bbox.left + bbox.width) return;
  ctx.fillStyle = colour("now");
  ctx.fillRect(Math.round(x), bbox.top, Math.max(1, 1.5 * devicePixelRatio), bbox.height);
}
