// A list of which only what is seen is drawn; on paper as many as somebody may want to hold in their hands.

import { html, useContext, useEffect, useLayoutEffect, useRef, useState } from "../lib/preact.js";
import { roomier, shownRows } from "../rules/layout.js";
import { number } from "../rules/numbers.js";
import { words } from "../rules/texts.js";
import { Grid, Place, WIDE } from "./timeline.js";

const PRINTED = 300;

/**
 * @param draw a row by its index, and how much higher than `height` it is, where few have much room
 * @param keyAt what a row is told from others by, so that who is in it stays there when the order changes
 * @param chosen index of the row that is brought into sight once another is chosen, -1 for none
 * @param onEnd called when the end is near, for lists that go on
 */
export function Rows({ count, height, draw, keyAt, chosen = -1, label, onEnd }) {
  const { isNarrow, width } = useContext(Place);
  const root = useRef();
  const [seen, see] = useState({ top: 0, room: 600 });
  const [isPrinting, print] = useState(false);
  const base = Math.round(height(isNarrow) * (width < WIDE ? 1 : 1.15));
  const extra = isNarrow ? 0 : roomier(count, base, seen.room);
  const tall = base + extra;

  useLayoutEffect(() => {
    const look = () => see({ top: root.current.scrollTop, room: root.current.clientHeight });
    const observer = new ResizeObserver(look);
    observer.observe(root.current);
    root.current.addEventListener("scroll", look, { passive: true });
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const before = () => print(true);
    const after = () => print(false);
    addEventListener("beforeprint", before);
    addEventListener("afterprint", after);
    return () => (removeEventListener("beforeprint", before), removeEventListener("afterprint", after));
  }, []);

  const drawn = isPrinting ? Math.min(count, PRINTED) : count;
  const [first, last] = isPrinting ? [0, drawn] : shownRows(count, tall, seen.top, seen.room);
  useEffect(() => {
    if (last >= count - 5) onEnd?.();
  }, [last, count]);

  useEffect(() => {
    if (chosen >= 0) bringIntoSight(root.current, chosen * tall, tall);
  }, [chosen < 0 ? null : keyAt(chosen)]);

  const rows = [];
  for (let index = first; index < last; index += 1) {
    rows.push(
      html`<div class="row" role="listitem" key=${keyAt(index)} aria-setsize=${count} aria-posinset=${index + 1}
        style=${{ transform: `translateY(${index * tall}px)`, height: `${tall}px` }}>${draw(index, extra)}</div>`,
    );
  }
  return html`<div class="behind"><${Grid} /><div class="rows" ref=${root} tabindex="0" role="group" aria-label=${label}>
    <div class="all" role="list" aria-label=${label} style=${{ height: `${Math.max(drawn * tall, 1)}px` }}>${rows}</div>
    ${drawn < count && html`<p class="note">${words.first(number(drawn), number(count))}</p>`}
  </div></div>`;
}

function bringIntoSight(list, top, height) {
  const isSeen = top >= list.scrollTop && top + height <= list.scrollTop + list.clientHeight;
  if (!isSeen) list.scrollTop = top - (list.clientHeight - height) / 2;
}

/** Where a bar stands on the timeline, by the style sheet's two properties. */
export const stretch = (viewport, from, to) => ({ "--a": viewport.minutes(from), "--b": viewport.minutes(to) });
