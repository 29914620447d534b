// Following what changes: a waiting call while the page is seen, a glance every half minute while it is hidden. A browser
// has six connections to a host for all of its windows: of those only some wait, the others look every two seconds.

import { now } from "../rules/platform_time.js";
import { SignedOut } from "./errors.js";

const WAIT_S = 25;
const SLACK_S = 10;
const HIDDEN_MS = 30_000;
const FALLBACK_MS = 2_000;
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000];

const PLACES = 3;

const ALL = ["plans", "limits", "deliveries", "registry"];

/** Calls `changed(names)` whenever something has; `state({isLost, isHidden, heardAt})` with how it goes. */
export function follow(api, { changed, state, signedOut, page = document, network = globalThis, locks = globalThis.navigator?.locks }) {
  const control = new AbortController();
  let waiting = new AbortController();
  let cursor = null;
  let heardAt = null;
  let failures = 0;
  let wake = () => {};

  const pause = (ms) =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => (clearTimeout(timer), resolve());
    });
  const seen = () => {
    if (!page.hidden) wake();
    tell();
  };
  const tell = () => state({ isLost: failures > 0, isHidden: page.hidden, heardAt });

  function ask(timeout) {
    waiting = new AbortController();
    const signal = AbortSignal.any([control.signal, waiting.signal]);
    return api.get("/changes", { after: cursor, timeout }, { signal, isKept: false, patienceMs: (timeout + SLACK_S) * 1000 });
  }

  async function look() {
    const mayWait = !page.hidden && cursor !== null && failures === 0;
    const waited = mayWait ? await inPlace(locks, () => ask(WAIT_S)) : null;
    const answer = waited ?? (await ask(0));
    const isBack = failures > 0;
    const isNew = answer.changed.length > 0;
    [cursor, failures, heardAt] = [answer.cursor, 0, now()];
    if (isNew || isBack) changed(isBack ? ALL : answer.changed);
    tell();
    if (page.hidden) await pause(HIDDEN_MS);
    else if (mayWait && !waited) await pause(FALLBACK_MS);
  }

  // The browser knows of a lost or new network before a waiting call does.
  const turned = () => (waiting.abort(), wake());

  async function lookAround(error) {
    if (error.status === 400) cursor = null;
    else if (error.status === 503) return pause(poll());
    failures += 1;
    tell();
    return pause(RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]);
  }

  // Without places to wait, look at everything now and then; ETags make it cheap.
  function poll() {
    [failures, heardAt] = [0, now()];
    changed(ALL);
    tell();
    return page.hidden ? HIDDEN_MS : FALLBACK_MS;
  }

  async function run() {
    while (!control.signal.aborted) {
      try {
        await look();
      } catch (error) {
        if (control.signal.aborted) return;
        if (error instanceof SignedOut) return signedOut(error);
        await lookAround(error);
      }
    }
  }

  page.addEventListener("visibilitychange", seen);
  for (const event of ["online", "offline"]) network.addEventListener(event, turned);
  run();
  return () => {
    page.removeEventListener("visibilitychange", seen);
    for (const event of ["online", "offline"]) network.removeEventListener(event, turned);
    control.abort();
    wake();
  };
}

/** What `wait` gives, in a place that no other window of this browser holds; null if all are taken. */
async function inPlace(locks, wait) {
  if (!locks) return wait();
  for (let place = 0; place < PLACES; place += 1) {
    const answer = await locks.request(`tps-wait-${place}`, { ifAvailable: true }, (lock) => lock && wait());
    if (answer) return answer;
  }
  return null;
}
