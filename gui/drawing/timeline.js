// The timeline that all views share: axis, grid, and moving and zooming by mouse, touch and keyboard. Two style properties
// (--min, --ppm) place the bars, so that moving needs no rendering.

import { createContext, html, useContext, useEffect, useLayoutEffect, useRef, useState } from "../lib/preact.js";
import { now } from "../rules/platform_time.js";
import { texts } from "../rules/texts.js";
import { MINUTE, clock, dateShort, isOneDay, moment, clockOnly, ticks, utc } from "../rules/time.js";

export const Place = createContext(null);

const NARROW = 720;
/** The width from which the style sheet uses larger text. */
export const WIDE = 1700;
const RIGHT = 28;

/** Return the place of the plot in a timeline of this width: labels beside the plot, or above it on a narrow screen. */
export function placeOf(width) {
  const isNarrow = width < NARROW;
  const left = isNarrow ? 72 : Math.min(width < WIDE ? 330 : 380, Math.max(250, width * 0.23));
  return { width, left, right: RIGHT, plot: Math.max(80, width - left - RIGHT), isNarrow };
}

/**
 * The axis, and children that draw by the context `Place`. In a window of several days all times have dates.
 * @param viewport the visible part of the window
 * @param zone the time zone of all times
 */
export function Timeline({ viewport, zone, onMoved, children }) {
  const root = useRef();
  const [width, setWidth] = useState(0);
  const place = placeOf(width || 1200);
  const isDated = !isOneDay(viewport.whole.from, viewport.whole.to, zone);

  useLayoutEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(root.current);
    return () => observer.disconnect();
  }, []);
  useLayoutEffect(() => {
    const apply = () => {
      const span = (viewport.range.max - viewport.range.min) / MINUTE;
      root.current.style.setProperty("--min", viewport.minutes(viewport.range.min));
      root.current.style.setProperty("--ppm", place.plot / span);
    };
    apply();
    return viewport.subscribe(apply);
  }, [viewport, place.plot]);
  useEffect(() => listen(root.current, viewport, place), [viewport, place.plot, place.left]);
  useEffect(() => {
    let timer;
    const stop = viewport.subscribe(() => (clearTimeout(timer), (timer = setTimeout(onMoved, 250))));
    return () => (stop(), clearTimeout(timer));
  }, [viewport, onMoved]);

  return html`<div
    class=${`timeline ${place.isNarrow ? "narrow" : ""}`}
    ref=${root}
    style=${{ "--left": `${place.left}px`, "--right": `${place.right}px` }}
  >
    <${Place.Provider} value=${{ viewport, zone, isDated, write: isDated ? moment : clock, ...place }}>
      <${Axis} />
      ${width > 0 && children}
    <//>
  </div>`;
}

/** Render the component again after each move; only for components with few elements. */
export function useMoves(viewport) {
  const [, setMoves] = useState(0);
  useEffect(() => viewport.subscribe(() => setMoves((count) => count + 1)), [viewport]);
}

function Axis() {
  const { viewport, plot, zone } = useContext(Place);
  useMoves(viewport);
  const marks = ticks(viewport.range, plot, zone, 58);
  const days = marks.filter((tick) => tick.isDay && (1 - viewport.share(tick.at)) * plot > 60);
  const first = days.length && viewport.share(days[0].at) * plot < 90 ? [] : [{ at: viewport.range.min, isFirst: true }];
  return html`<div class="axis" tabindex="0" role="group" aria-label=${texts.timeline} data-zooms>
    <span class="zone muted" title=${texts.zone_hint}>${texts.zone(zone)}</span>
    ${[...first, ...days].map(
      ({ at, isFirst }) => html`<span class="day" key=${`d${at}`} style=${leftOf(viewport, at, plot, isFirst)}>${dateShort(at, zone)}</span>`,
    )}
    ${marks.map(
      ({ at, isDay }) =>
        html`<span key=${at} class=${`tick ${isDay ? "is-day" : ""}`} title=${utc(at)} style=${leftOf(viewport, at, plot)}>${clockOnly(at, zone)}</span>`,
    )}
  </div>`;
}

const leftOf = (viewport, at, plot, isFirst) => ({
  left: `calc(var(--left) + ${isFirst ? 0 : Math.round(viewport.share(at) * plot)}px)`,
});

/** The grid lines behind the rows: one at each tick, and one for the current time. */
export function Grid() {
  const { viewport, plot, zone } = useContext(Place);
  useMoves(viewport);
  const instant = useNow(20_000);
  const isIn = instant > viewport.range.min && instant < viewport.range.max;
  return html`<div class="grid" aria-hidden="true">
    ${ticks(viewport.range, plot, zone, 58).map(
      ({ at, isDay }) => html`<i key=${at} class=${isDay ? "is-day" : ""} style=${leftOf(viewport, at, plot)}></i>`,
    )}
    ${isIn && html`<i class="now" key="now" style=${leftOf(viewport, instant, plot)}></i>`}
  </div>`;
}

/** Return the current time, updated every `interval` ms. */
export function useNow(interval) {
  const [instant, setInstant] = useState(now());
  useEffect(() => {
    const timer = setInterval(() => setInstant(now()), interval);
    return () => clearInterval(timer);
  }, [interval]);
  return instant;
}

function listen(root, viewport, { left, plot }) {
  const shareAt = (event) => (event.clientX - root.getBoundingClientRect().left - left) / plot;
  const pointers = new Map();
  let moved = 0;

  const wheel = (event) => {
    const isSideways = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
    const zooms = event.ctrlKey || event.metaKey || event.target.closest("[data-zooms]");
    if (!isSideways && !zooms) return;
    event.preventDefault();
    if (isSideways) viewport.pan((event.deltaX || event.deltaY) / plot);
    else viewport.zoom(Math.exp(Math.max(-120, Math.min(120, event.deltaY)) * 0.0025), Math.min(1, Math.max(0, shareAt(event))));
  };
  const down = (event) => {
    if (event.button !== 0 || !event.target.closest("[data-moves], [data-zooms]")) return;
    pointers.set(event.pointerId, event.clientX);
    moved = 0;
  };
  const move = (event) => {
    if (!pointers.has(event.pointerId)) return;
    const before = [...pointers.values()];
    pointers.set(event.pointerId, event.clientX);
    const after = [...pointers.values()];
    moved += Math.abs(after[0] - before[0]);
    if (moved > 4) root.setPointerCapture?.(event.pointerId);
    if (after.length === 1) {
      if (moved > 4) viewport.pan((before[0] - after[0]) / plot);
      return;
    }
    const apart = (pair) => Math.max(12, Math.abs(pair[0] - pair[1]));
    viewport.zoom(apart(before) / apart(after), shareAt({ clientX: (after[0] + after[1]) / 2 }));
  };
  const up = (event) => pointers.delete(event.pointerId);
  // A drag that ends on a button must not click it.
  const click = (event) => {
    if (moved > 4) event.stopPropagation();
    moved = 0;
  };
  const key = (event) => {
    const act = KEYS[event.key];
    if (!act || !event.target.closest(".axis") || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(viewport);
  };
  const events = { pointerdown: down, pointermove: move, pointerup: up, pointercancel: up, keydown: key };
  for (const [name, handler] of Object.entries(events)) root.addEventListener(name, handler);
  root.addEventListener("wheel", wheel, { passive: false });
  root.addEventListener("click", click, true);
  return () => {
    for (const [name, handler] of Object.entries(events)) root.removeEventListener(name, handler);
    root.removeEventListener("wheel", wheel);
    root.removeEventListener("click", click, true);
  };
}

const KEYS = {
  ArrowLeft: (viewport) => viewport.pan(-0.1),
  ArrowRight: (viewport) => viewport.pan(0.1),
  PageUp: (viewport) => viewport.pan(-0.8),
  PageDown: (viewport) => viewport.pan(0.8),
  "+": (viewport) => viewport.zoom(0.7),
  "=": (viewport) => viewport.zoom(0.7),
  "-": (viewport) => viewport.zoom(1 / 0.7),
  0: (viewport) => viewport.reset(),
};
