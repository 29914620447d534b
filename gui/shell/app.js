// The page: signing in, then one of four views over one timeline, and what is live.

import { html, useCallback, useEffect, useErrorBoundary, useMemo, useRef, useState } from "../lib/preact.js";
import { useAnswer } from "../data/answers.js";
import { Api } from "../data/api.js";
import { Refused, SignedOut } from "../data/errors.js";
import { follow } from "../data/live.js";
import { Timeline } from "../drawing/timeline.js";
import { Viewport } from "../drawing/viewport.js";
import { now } from "../rules/platform_time.js";
import { readFragment, writeFragment } from "../rules/share.js";
import { words } from "../rules/texts.js";
import { dayOf, dayWindow } from "../rules/time.js";
import { Conflicts } from "../views/conflicts.js";
import { Limits } from "../views/limits.js";
import { Empty, save } from "../views/parts.js";
import { Plans } from "../views/plans.js";
import { Readiness } from "../views/readiness.js";
import { Emergencies } from "./emergencies.js";
import { Filters } from "./filters.js";
import { Header } from "./header.js";
import { SignIn } from "./sign_in.js";

const VIEWS = { plans: Plans, limits: Limits, conflicts: Conflicts };
const FRESH = { plans: 0, limits: 0, deliveries: 0, registry: 0 };
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const AGAIN_MS = 3_000;

export function App({ session }) {
  const [out, setOut] = useState({ why: "busy" });
  const [broken] = useErrorBoundary((error) => console.error(error));
  useEffect(() => {
    // Whoever signs in by hand meanwhile is in.
    const done = (next) => setOut((before) => (before && ["busy", "lost"].includes(before.why) ? next : before));
    const begin = () =>
      session.begin().then(
        () => done(null),
        (error) => (error instanceof SignedOut ? done(error) : (done({ why: "lost" }), setTimeout(begin, AGAIN_MS))),
      );
    begin();
  }, []);
  if (broken) return html`<main class="door"><p role="alert">${words.broken}</p><button class="main" onClick=${() => location.reload()}>${words.reload}</button></main>`;
  if (out) return html`<${SignIn} session=${session} why=${out.why} detail=${out.detail} onDone=${() => setOut(null)} onOut=${setOut} />`;
  return html`<${Desk} session=${session} onOut=${setOut} />`;
}

function Desk({ session, onOut }) {
  const api = useMemo(() => new Api(session), [session]);
  const [state, go] = useView();
  const today = useToday();
  const { versions, live } = useChanges(api, onOut);
  const day = state.day ?? today;
  const window = useMemo(() => state.window ?? dayWindow(day, zone), [state.window?.from, state.window?.to, day]);
  const viewport = useMemo(() => new Viewport(window, state.zoom), [window, state.link]);

  const onError = useCallback((error) => {
    if (error instanceof SignedOut) onOut(error);
    if (error instanceof Refused && error.status === 403) onOut(new SignedOut("forbidden"));
  }, []);
  const parties = useAnswer(api, "/parties", {}, [versions.registry], onError);
  const known = parties.body?.parties ?? [];
  const names = useMemo(() => {
    const byCode = new Map(known.map((party) => [party.code, party.name]));
    return (code) => byCode.get(code) ?? code;
  }, [parties.body]);

  useEffect(() => {
    document.title = `${words.views[state.view]} – ${words.title}`;
  }, [state.view]);
  const { onCsv, saveCsv } = useCsv(state, window);
  const onMoved = useCallback(() => go({ zoom: viewport.isWhole ? undefined : viewport.range }), [viewport, go]);

  const View = VIEWS[state.view];
  const shared = { api, state, window, versions, names, go, onCsv, onError };
  const isAlone = parties.body && known.every((party) => party.role === "tps");
  return html`<div class="desk">
    <a class="skip" href="#content" onClick=${toContent}>${words.skip}</a>
    <${Header} ...${{ state, day, go, zone, live, troubles: api.troubles, session, onOut }} onCsv=${saveCsv} />
    <${Emergencies} ...${{ api, versions, names, go, zone, onError, state }} />
    ${View && html`<${Filters} ...${{ state, go, parties: known, zone, window, viewport }} />`}
    <main id="content" tabindex="-1" key=${state.view}>
      <h1 class="unseen">${words.views[state.view]}</h1>
      ${isAlone && html`<${Empty} text=${words.parties_none} />`}
      ${View
        ? !isAlone && html`<${Timeline} viewport=${viewport} zone=${zone} onMoved=${onMoved}><${View} ...${shared} /><//>`
        : html`<${Readiness} ...${shared} zone=${zone} />`}
    </main>
  </div>`;
}

const toContent = (event) => {
  event.preventDefault();
  document.getElementById("content").focus();
};

/** How often each kind of thing has changed since the page was opened, and how it goes with hearing of it. */
function useChanges(api, onOut) {
  const [versions, setVersions] = useState(FRESH);
  const [live, setLive] = useState({ isLost: false, isHidden: false, heardAt: null });
  useEffect(() => {
    const changed = (which) =>
      setVersions((before) => ({ ...before, ...Object.fromEntries(which.map((name) => [name, before[name] + 1])) }));
    return follow(api, { changed, state: setLive, signedOut: onOut });
  }, [api]);
  return { versions, live };
}

/** `onCsv` takes from a view what makes its file, `saveCsv` saves that, false if there is nothing. */
function useCsv(state, window) {
  const kept = useRef(null);
  const shown = JSON.stringify([state.view, state.operator, state.dso, window]);
  // What another view or day has left must not be saved under the name of this one.
  const onCsv = useCallback((make) => (kept.current = { shown, make }), [shown]);
  const saveCsv = () => {
    const isThere = kept.current?.shown === shown;
    if (isThere) save(`tps-${state.view}-${dayOf(window.from, zone)}.csv`, kept.current.make());
    return isThere;
  };
  return { onCsv, saveCsv };
}

function useToday() {
  const [today, set] = useState(dayOf(now(), zone));
  useEffect(() => {
    const timer = setInterval(() => set(dayOf(now(), zone)), 1_000);
    return () => clearInterval(timer);
  }, []);
  return today;
}

/** What the address says, both ways. */
function useView() {
  const read = () => readFragment(location.hash);
  const [state, set] = useState(read);
  const latest = useRef(state);
  const go = useCallback((change) => {
    const next = { ...latest.current, ...change };
    // Today is no day of its own: at midnight it is the next.
    if (next.day === dayOf(now(), zone)) delete next.day;
    if (change.view && change.view !== latest.current.view && !("selected" in change)) delete next.selected;
    latest.current = next;
    // What was looked at before is a step back; how it was zoomed is not.
    const isStep = Object.keys(change).some((name) => name !== "zoom") && writeFragment(next) !== location.hash;
    history[isStep ? "pushState" : "replaceState"](null, "", writeFragment(next));
    set(next);
  }, []);
  useEffect(() => {
    // Another link says anew what part is seen, also of the same day.
    const again = () => set((latest.current = { ...read(), link: (latest.current.link ?? 0) + 1 }));
    addEventListener("hashchange", again);
    return () => removeEventListener("hashchange", again);
  }, []);
  return [state, go];
}
