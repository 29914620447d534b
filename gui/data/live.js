// Live updates: a waiting call while the page is visible, a short call every 30 s while it is hidden. A browser opens at
// most six connections to a host for all of its windows, so only three windows wait. The others poll every two seconds.

import { now } from "../rules/platform_time.js";
import { SignedOut } from "./errors.js";

const WAIT_S = 25;
const GRACE_S = 10;
const HIDDEN_POLL_MS = 30_000;
const POLL_MS = 2_000;
const RETRY_MS = [500, 1_000, 2_000, 4_000, 8_000];

const WAITING_WINDOWS = 3;

const ALL = ["plans", "limits", "deliveries", "registry"];

/**
 * Call `changed(names)` after each change on the platform, and `state({isLost, isHidden, heardAt})` after each call.
 * @returns a function that ends the updates
 */
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
  const onVisibility = () => {
    if (!page.hidden) wake();
    report();
  };
  const report = () => state({ isLost: failures > 0, isHidden: page.hidden, heardAt });

  function getChanges(timeout) {
    waiting = new AbortController();
    const signal = AbortSignal.any([control.signal, waiting.signal]);
    return api.get("/changes", { after: cursor, timeout }, { signal, isCached: false, timeoutMs: (timeout + GRACE_S) * 1000 });
  }

  async function check() {
    const mayWait = !page.hidden && cursor !== null && failures === 0;
    const waited = mayWait ? await withWaitingLock(locks, () => getChanges(WAIT_S)) : null;
    const answer = waited ?? (await getChanges(0));
    const isBack = failures > 0;
    const isNew = answer.changed.length > 0;
    [cursor, failures, heardAt] = [answer.cursor, 0, now()];
    if (isNew || isBack) changed(isBack ? ALL : answer.changed);
    report();
    if (page.hidden) await pause(HIDDEN_POLL_MS);
    else if (mayWait && !waited) await pause(POLL_MS);
  }

  // The browser notices a lost or new network before a waiting call does.
  const onNetwork = () => (waiting.abort(), wake());

  async function recover(error) {
    if (error.status === 400) cursor = null;
    else if (error.status === 503) return pause(reloadAll());
    failures += 1;
    report();
    return pause(RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]);
  }

  // The platform accepts no more waiting calls: read everything again, which is cheap because of ETags.
  function reloadAll() {
    [failures, heardAt] = [0, now()];
    changed(ALL);
    report();
    return page.hidden ? HIDDEN_POLL_MS : POLL_MS;
  }

  async function run() {
    while (!control.signal.aborted) {
      try {
        await check();
      } catch (error) {
        if (control.signal.aborted) return;
        if (error instanceof SignedOut) return signedOut(error);
        await recover(error);
      }
    }
  }

  page.addEventListener("visibilitychange", onVisibility);
  for (const event of ["online", "offline"]) network.addEventListener(event, onNetwork);
  run();
  return () => {
    page.removeEventListener("visibilitychange", onVisibility);
    for (const event of ["online", "offline"]) network.removeEventListener(event, onNetwork);
    control.abort();
    wake();
  };
}

/** Return the result of `wait` under a lock that no other window of this browser holds; null if no lock is free. */
async function withWaitingLock(locks, wait) {
  if (!locks) return wait();
  for (let slot = 0; slot < WAITING_WINDOWS; slot += 1) {
    const answer = await locks.request(`tps-wait-${slot}`, { ifAvailable: true }, (lock) => lock && wait());
    if (answer) return answer;
  }
  return null;
}
