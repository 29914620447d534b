// The page: sign-in, then the header and one of four views, with live updates.

import { html, useCallback, useEffect, useErrorBoundary, useMemo, useRef, useState } from "../lib/preact.js";
import { useAnswer } from "../data/answers.js";
import { Api } from "../data/api.js";
import { Refused, SignedOut } from "../data/errors.js";
import { follow } from "../data/live.js";
import { Timeline } from "../drawing/timeline.js";
import { Viewport } from "../drawing/viewport.js";
import { now } from "../rules/platform_time.js";
import { readFragment, writeFragment } from "../rules/share.js";
import { texts } from "../rules/texts.js";
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
const FIRST_VERSIONS = { plans: 0, limits: 0, deliveries: 0, registry: 0 };
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;

const RETRY_MS = 3_000;

export function App({ session }) {
  const [signedOut, setSignedOut] = useState({ why: "busy" });
  const [broken] = useErrorBoundary((error) => console.error(error));
  useEffect(() => {
    // Do not overwrite a sign-in that the user completed in the meantime.
    const done = (next) => setSignedOut((before) => (before && ["busy", "lost"].includes(before.why) ? next : before));
    const begin = () =>
      session.begin().then(
        () => done(null),
        (error) => (error instanceof SignedOut ? done(error) : (done({ why: "lost" }), setTimeout(begin, RETRY_MS))),
      );
    begin();
  }, []);
  if (broken) return html`<main class="door"><p role="alert">${texts.broken}</p><button class="main" onClick=${() => location.reload()}>${texts.reload}</button></main>`;
  if (signedOut) return html`<${SignIn} session=${session} why=${signedOut.why} detail=${signedOut.detail} onDone=${() => setSignedOut(null)} onSignedOut=${setSignedOut} />`;
  return html`<${Desk} session=${session} onSignedOut=${setSignedOut} />`;
}

function Desk({ session, onSignedOut }) {
  const api = useMemo(() => new Api(session), [session]);
  const [state, go] = useView();
  const today = useToday();
  const { versions, live } = useChanges(api, onSignedOut);
  const day = state.day ?? today;
  const window = useMemo(() => state.window ?? dayWindow(day, zone), [state.window?.from, state.window?.to, day]);
  const viewport = useMemo(() => new Viewport(window, state.zoom), [window, state.link]);

  const onError = useCallback((error) => {
    if (error instanceof SignedOut) onSignedOut(error);
    if (error instanceof Refused && error.status === 403) onSignedOut(new SignedOut("forbidden"));
  }, []);
  const parties = useAnswer(api, "/parties", {}, [versions.registry], onError);
  const known = parties.body?.parties ?? [];
  const names = useMemo(() => {
    const byCode = new Map(known.map((party) => [party.code, party.name]));
    return (code) => byCode.get(code) ?? code;
  }, [parties.body]);

  useEffect(() => {
    document.title = `${texts.views[state.view]} – ${texts.title}`;
  }, [state.view]);
  const { onCsv, saveCsv } = useCsv(state, window);
  const onMoved = useCallback(() => go({ zoom: viewport.isWhole ? undefined : viewport.range }), [viewport, go]);

  const View = VIEWS[state.view];
  const shared = { api, state, window, versions, names, go, onCsv, onError };
  const isAlone = parties.body && known.every((party) => party.role === "tps");
  return html`<div class="desk">
    <a class="skip" href="#content" onClick=${toContent}>${texts.skip}</a>
    <${Header} ...${{ state, day, go, zone, live, troubles: api.troubles, session, onSignedOut }} onCsv=${saveCsv} />
    <${Emergencies} ...${{ api, versions, names, go, zone, onError, state }} />
    ${View && html`<${Filters} ...${{ state, go, parties: known, zone, window, viewport }} />`}
    <main id="content" tabindex="-1" key=${state.view}>
      <h1 class="unseen">${texts.views[state.view]}</h1>
      ${isAlone && html`<${Empty} text=${texts.parties_none} />`}
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

/** Return how often each kind of data changed since the page was opened, and the state of the live updates. */
function useChanges(api, onSignedOut) {
  const [versions, setVersions] = useState(FIRST_VERSIONS);
  const [live, setLive] = useState({ isLost: false, isHidden: false, heardAt: null });
  useEffect(() => {
    const changed = (kinds) =>
      setVersions((before) => ({ ...before, ...Object.fromEntries(kinds.map((name) => [name, before[name] + 1])) }));
    return follow(api, { changed, state: setLive, signedOut: onSignedOut });
  }, [api]);
  return { versions, live };
}

/** Return `onCsv`, which a view gives a function that writes its CSV, and `saveCsv`, which saves the file; false without data. */
function useCsv(state, window) {
  const latest = useRef(null);
  const shown = JSON.stringify([state.view, state.operator, state.dso, window]);
  // The CSV of another view or day must not be saved under the name of the current one.
  const onCsv = useCallback((write) => (latest.current = { shown, write }), [shown]);
  const saveCsv = () => {
    const isCurrent = latest.current?.shown === shown;
    if (isCurrent) save(`tps-${state.view}-${dayOf(window.from, zone)}.csv`, latest.current.write());
    return isCurrent;
  };
  return { onCsv, saveCsv };
}

function useToday() {
  const [today, setToday] = useState(dayOf(now(), zone));
  useEffect(() => {
    const timer = setInterval(() => setToday(dayOf(now(), zone)), 1_000);
    return () => clearInterval(timer);
  }, []);
  return today;
}

/** Return the view state of the address, and a function that changes both. */
function useView() {
  const read = () => readFragment(location.hash);
  const [state, setState] = useState(read);
  const latest = useRef(state);
  const go = useCallback((change) => {
    const next = { ...latest.current, ...change };
    // A link without a day means today, also after midnight.
    if (next.day === dayOf(now(), zone)) delete next.day;
    if (change.view && change.view !== latest.current.view && !("selected" in change)) delete next.selected;
    latest.current = next;
    // Zooming adds no entry to the browser's history; other changes do.
    const isStep = Object.keys(change).some((name) => name !== "zoom") && writeFragment(next) !== location.hash;
    history[isStep ? "pushState" : "replaceState"](null, "", writeFragment(next));
    setState(next);
  }, []);
  useEffect(() => {
    // A new link resets the zoom, even if it names the same day.
    const readAgain = () => setState((latest.current = { ...read(), link: (latest.current.link ?? 0) + 1 }));
    addEventListener("hashchange", readAgain);
    return () => removeEventListener("hashchange", readAgain);
  }, []);
  return [state, go];
}
