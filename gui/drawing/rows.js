// A list that renders the visible rows only; in print the first 300 rows.

import { html, useContext, useEffect, useLayoutEffect, useRef, useState } from "../lib/preact.js";
import { extraHeight, shownRows } from "../rules/layout.js";
import { number } from "../rules/numbers.js";
import { texts } from "../rules/texts.js";
import { Grid, Place, WIDE } from "./timeline.js";

const PRINTED_ROWS = 300;

/**
 * @param draw renders a row from its index and the extra height that the row has when the list is short
 * @param keyAt returns the key of a row; it keeps the focus in the row when the order changes
 * @param selected index of the selected row, scrolled into view when the selection changes; -1 for no selection
 * @param onEnd called near the end of the list, to load more rows
 */
export function Rows({ count, height, draw, keyAt, selected = -1, label, onEnd }) {
  const { isNarrow, width } = useContext(Place);
  const root = useRef();
  const [visible, setVisible] = useState({ top: 0, room: 600 });
  const [isPrinting, setPrinting] = useState(false);
  const base = Math.round(height(isNarrow) * (width < WIDE ? 1 : 1.15));
  const extra = isNarrow ? 0 : extraHeight(count, base, visible.room);
  const rowHeight = base + extra;

  useLayoutEffect(() => {
    const measure = () => setVisible({ top: root.current.scrollTop, room: root.current.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(root.current);
    root.current.addEventListener("scroll", measure, { passive: true });
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const before = () => setPrinting(true);
    const after = () => setPrinting(false);
    addEventListener("beforeprint", before);
    addEventListener("afterprint", after);
    return () => (removeEventListener("beforeprint", before), removeEventListener("afterprint", after));
  }, []);

  const drawn = isPrinting ? Math.min(count, PRINTED_ROWS) : count;
  const [first, last] = isPrinting ? [0, drawn] : shownRows(count, rowHeight, visible.top, visible.room);
  useEffect(() => {
    if (last >= count - 5) onEnd?.();
  }, [last, count]);

  useEffect(() => {
    if (selected >= 0) scrollIntoView(root.current, selected * rowHeight, rowHeight);
  }, [selected < 0 ? null : keyAt(selected)]);

  const rows = [];
  for (let index = first; index < last; index += 1) {
    rows.push(
      html`<div class="row" role="listitem" key=${keyAt(index)} aria-setsize=${count} aria-posinset=${index + 1}
        style=${{ transform: `translateY(${index * rowHeight}px)`, height: `${rowHeight}px` }}>${draw(index, extra)}</div>`,
    );
  }
  return html`<div class="behind"><${Grid} /><div class="rows" ref=${root} tabindex="0" role="group" aria-label=${label}>
    <div class="all" role="list" aria-label=${label} style=${{ height: `${Math.max(drawn * rowHeight, 1)}px` }}>${rows}</div>
    ${drawn < count && html`<p class="note">${texts.first(number(drawn), number(count))}</p>`}
  </div></div>`;
}

function scrollIntoView(list, top, height) {
  const isVisible = top >= list.scrollTop && top + height <= list.scrollTop + list.clientHeight;
  if (!isVisible) list.scrollTop = top - (list.clientHeight - height) / 2;
}

/** Return the style properties that place a bar on the timeline. */
export const stretch = (viewport, from, to) => ({ "--a": viewport.minutes(from), "--b": viewport.minutes(to) });
