// The head of the page: views, how live it is, and what can be done with what is shown.

import { html, useEffect, useState } from "../lib/preact.js";
import { Lost, SignedOut } from "../data/errors.js";
import { useNow } from "../drawing/timeline.js";
import { age } from "../rules/numbers.js";
import { VIEWS, writeFragment } from "../rules/share.js";
import { words } from "../rules/texts.js";
import { moment, utc } from "../rules/time.js";
import { nextTheme, theme } from "./theme.js";

export function Header({ state, day, go, zone, live, troubles, session, onOut, onCsv }) {
  const [colours, setColours] = useState(theme());
  const [told, tell] = useState("");
  const say = (text) => {
    tell(text);
    setTimeout(() => tell(""), 3000);
  };
  const share = async () => {
    // Whoever opens it tomorrow sees today.
    history.replaceState(null, "", writeFragment({ ...state, day }));
    const done = await navigator.clipboard?.writeText(location.href).then(() => true, () => false);
    say(done ? words.shared : words.share_failed);
  };
  const open = (event, view) => {
    event.preventDefault();
    go({ view });
  };
  return html`<header class="head">
    <div class="brand"><${Mark} /><span>${words.title}</span></div>
    <nav aria-label=${words.nav}>
      ${VIEWS.map(
        (view) => html`<a key=${view} href=${writeFragment({ ...state, view, selected: undefined })} aria-current=${state.view === view ? "page" : undefined} onClick=${(event) => open(event, view)}>${words.views[view]}</a>`,
      )}
    </nav>
    <${Live} ...${{ live, troubles }} />
    <div class="tools">
      <button onClick=${share}>${words.share}</button>
      <button onClick=${() => onCsv() || say(words.csv_none)}>${words.csv}</button>
      <button onClick=${() => print()}>${words.print}</button>
      <button onClick=${() => setColours(nextTheme())} title=${words.theme[colours]} aria-label=${words.theme[colours]}>◐</button>
      <button onClick=${() => (session.signOut(), onOut(new SignedOut("")))}>${words.sign_out}</button>
    </div>
    ${live.heardAt && html`<p class="printed">${words.as_of(moment(live.heardAt, zone), utc(live.heardAt))}</p>`}
    <p class="told" role="status">${told}</p>
  </header>`;
}

const Mark = () => html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="6" /><path d="M5 22h6v-7h6v4h4v-9h6" /><path class="limit" d="M5 8h22" /></svg>`;

function Live({ live, troubles }) {
  const now = useNow(1000);
  const [trouble, setTrouble] = useState(null);
  useEffect(() => troubles.watch(setTrouble), [troubles]);
  if (live.isLost) return html`<${Alarm} text=${words.lost} since=${live.heardAt} now=${now} />`;
  if (trouble) return html`<${Alarm} text=${trouble.error instanceof Lost ? words.lost : words.failing(trouble.error.message)} since=${trouble.since} now=${now} />`;
  if (live.heardAt === null) return html`<p class="live">${words.loading}</p>`;
  // A waiting call that is on its way is as good as an answer: it would tell.
  return html`<p class="live is-live"><i aria-hidden="true"></i>${live.isHidden ? words.paused : words.live}<span class="muted">${words.live_age(age(now - live.heardAt))}</span></p>`;
}

/** The age is no part of what is alarming: a screen reader would say all of it again each second. */
const Alarm = ({ text, since, now }) => html`<p class="live is-lost"><span role="alert">${text}</span>${since ? html` <span>${words.lost_age(age(now - since))}</span>` : ""}</p>`;
