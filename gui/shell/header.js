// The header of the page: views, state of the live updates, and actions.

import { html, useEffect, useState } from "../lib/preact.js";
import { Lost, SignedOut } from "../data/errors.js";
import { useNow } from "../drawing/timeline.js";
import { age } from "../rules/numbers.js";
import { VIEWS, writeFragment } from "../rules/share.js";
import { texts } from "../rules/texts.js";
import { moment, utc } from "../rules/time.js";
import { nextTheme, theme } from "./theme.js";

export function Header({ state, day, go, zone, live, troubles, session, onSignedOut, onCsv }) {
  const [colours, setColours] = useState(theme());
  const [notice, setNotice] = useState("");
  const notify = (text) => {
    setNotice(text);
    setTimeout(() => setNotice(""), 3000);
  };
  const share = async () => {
    // The link names the day, so that it shows the same day tomorrow.
    history.replaceState(null, "", writeFragment({ ...state, day }));
    const done = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
    notify(done ? texts.shared : texts.share_failed);
  };
  const open = (event, view) => {
    event.preventDefault();
    go({ view });
  };
  return html`<header class="head">
    <div class="brand"><${Mark} /><span>${texts.title}</span></div>
    <nav aria-label=${texts.nav}>
      ${VIEWS.map(
        (view) => html`<a key=${view} href=${writeFragment({ ...state, view, selected: undefined })} aria-current=${state.view === view ? "page" : undefined} onClick=${(event) => open(event, view)}>${texts.views[view]}</a>`,
      )}
    </nav>
    <${Live} ...${{ live, troubles }} />
    <div class="tools">
      <button onClick=${share}>${texts.share}</button>
      <button onClick=${() => onCsv() || notify(texts.csv_none)}>${texts.csv}</button>
      <button onClick=${() => print()}>${texts.print}</button>
      <button onClick=${() => setColours(nextTheme())} title=${texts.theme[colours]} aria-label=${texts.theme[colours]}>◐</button>
      <button onClick=${() => (session.signOut(), onSignedOut(new SignedOut("")))}>${texts.sign_out}</button>
    </div>
    ${live.heardAt && html`<p class="printed">${texts.as_of(moment(live.heardAt, zone), utc(live.heardAt))}</p>`}
    <p class="notice" role="status">${notice}</p>
  </header>`;
}

const Mark = () => html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="6" /><path d="M5 22h6v-7h6v4h4v-9h6" /><path class="limit" d="M5 8h22" /></svg>`;

function Live({ live, troubles }) {
  const now = useNow(1000);
  const [trouble, setTrouble] = useState(null);
  useEffect(() => troubles.watch(setTrouble), [troubles]);
  if (live.isLost) return html`<${Alarm} text=${texts.lost} since=${live.heardAt} now=${now} />`;
  if (trouble) return html`<${Alarm} text=${trouble.error instanceof Lost ? texts.lost : texts.failing(trouble.error.message)} since=${trouble.since} now=${now} />`;
  if (live.heardAt === null) return html`<p class="live">${texts.loading}</p>`;
  // An open waiting call counts as fresh: the platform answers it at the next change.
  return html`<p class="live is-live"><i aria-hidden="true"></i>${live.isHidden ? texts.paused : texts.live}<span class="muted">${texts.live_age(age(now - live.heardAt))}</span></p>`;
}

/** The age is outside of the alert: a screen reader would repeat the whole alert every second. */
const Alarm = ({ text, since, now }) => html`<p class="live is-lost"><span role="alert">${text}</span>${since ? html` <span>${texts.lost_age(age(now - since))}</span>` : ""}</p>`;
