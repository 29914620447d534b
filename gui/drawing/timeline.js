// The one timeline of all views: axis, lines, moving and zooming by mouse, touch and keys. Bars place themselves by two
// style properties (--min, --ppm), so that moving costs no rendering.

import { createContext, html, useContext, useEffect, useLayoutEffect, useRef, useState } from "../lib/preact.js";
import { now } from "../rules/platform_time.js";
import { words } from "../rules/texts.js";
import { MINUTE, clock, dateShort, isOneDay, moment, onWall, ticks, utc } from "../rules/time.js";

export const Place = createContext(null);

const NARROW = 720;
/** From here on all is written larger, as the style sheet has it. */
export const WIDE = 1700;
const RIGHT = 28;

/** Where the plot stands in a timeline so wide: labels beside it, or above it where there is no room. */
export function placeOf(width) {
  const isNarrow = width < NARROW;
  const left = isNarrow ? 72 : Math.min(width < WIDE ? 330 : 380, Math.max(250, width * 0.23));
  return { width, left, right: RIGHT, plot: Math.max(80, width - left - RIGHT), isNarrow };
}

/** @param viewport what is seen; `zone` of the times; children draw by `Place`: in a window of many days times are dated. */
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
    const put = () => {
      const span = (viewport.range.max - viewport.range.min) / MINUTE;
      root.current.style.setProperty("--min", viewport.minutes(viewport.range.min));
      root.current.style.setProperty("--ppm", place.plot / span);
    };
    put();
    return viewport.subscribe(put);
  }, [viewport, place.plot]);
  useEffect(() => handled(root.current, viewport, place), [viewport, place.plot, place.left]);
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

/** Renders again at each move; for what is few. */
export function useMoves(viewport) {
  const [, again] = useState(0);
  useEffect(() => viewport.subscribe(() => again((count) => count + 1)), [viewport]);
}

function Axis() {
  const { viewport, plot, zone } = useContext(Place);
  useMoves(viewport);
  const found = ticks(viewport.range, plot, zone, 58);
  const days = found.filter((tick) => tick.isDay && (1 - viewport.share(tick.at)) * plot > 60);
  const first = days.length && viewport.share(days[0].at) * plot < 90 ? [] : [{ at: viewport.range.min, isFirst: true }];
  return html`<div class="axis" tabindex="0" role="group" aria-label=${words.timeline} data-zooms>
    <span class="zone muted" title=${words.zone_hint}>${words.zone(zone)}</span>
    ${[...first, ...days].map(
      ({ at, isFirst }) => html`<span class="day" key=${`d${at}`} style=${put(viewport, at, plot, isFirst)}>${dateShort(at, zone)}</span>`,
    )}
    ${found.map(
      ({ at, isDay }) =>
        html`<span key=${at} class=${`tick ${isDay ? "is-day" : ""}`} title=${utc(at)} style=${put(viewport, at, plot)}>${onWall(at, zone)}</span>`,
    )}
  </div>`;
}

const put = (viewport, at, plot, isFirst) => ({
  left: `calc(var(--left) + ${isFirst ? 0 : Math.round(viewport.share(at) * plot)}px)`,
});

/** Lines behind rows: at each tick, and now. */
export function Grid() {
  const { viewport, plot, zone } = useContext(Place);
  useMoves(viewport);
  const instant = useNow(20_000);
  const isIn = instant > viewport.range.min && instant < viewport.range.max;
  return html`<div class="grid" aria-hidden="true">
    ${ticks(viewport.range, plot, zone, 58).map(
      ({ at, isDay }) => html`<i key=${at} class=${isDay ? "is-day" : ""} style=${put(viewport, at, plot)}></i>`,
    )}
    ${isIn && html`<i class="now" key="now" style=${put(viewport, instant, plot)}></i>`}
  </div>`;
}

/** The time, told again every so often. */
export function useNow(every) {
  const [told, tell] = useState(now());
  useEffect(() => {
    const timer = setInterval(() => tell(now()), every);
    return () => clearInterval(timer);
  }, [every]);
  return told;
}

function handled(root, viewport, { left, plot }) {
  const shareAt = (event) => (event.clientX - root.getBoundingClientRect().left - left) / plot;
  const fingers = new Map();
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
    fingers.set(event.pointerId, event.clientX);
    moved = 0;
  };
  const move = (event) => {
    if (!fingers.has(event.pointerId)) return;
    const before = [...fingers.values()];
    fingers.set(event.pointerId, event.clientX);
    const after = [...fingers.values()];
    moved += Math.abs(after[0] - before[0]);
    if (moved > 4) root.setPointerCapture?.(event.pointerId);
    if (after.length === 1) {
      if (moved > 4) viewport.pan((before[0] - after[0]) / plot);
      return;
    }
    const apart = (pair) => Math.max(12, Math.abs(pair[0] - pair[1]));
    viewport.zoom(apart(before) / apart(after), shareAt({ clientX: (after[0] + after[1]) / 2 }));
  };
  const up = (event) => fingers.delete(event.pointerId);
  // A drag that ends on something to press has not pressed it.
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
