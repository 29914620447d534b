// Answers for views: asked for when a view needs them, again when something has changed, kept while the next is on its way.

import { useEffect, useRef, useState } from "../lib/preact.js";
import { now } from "../rules/platform_time.js";

const AGAIN_MS = 3_000;

/**
 * The answer of one route.
 * @param path null asks for nothing
 * @param versions numbers that grow when something changed that the answer shows
 */
export function useAnswer(api, path, query, versions, onError) {
  const wanted = path === null ? null : JSON.stringify([path, query]);
  const [found, set] = useState({ wanted: null, body: null, error: null, since: null });
  const running = useRef(null);
  const isPresent = found.wanted === wanted;

  useEffect(() => {
    if (wanted === null) return undefined;
    // Of calls for the same thing the running one is let finish: many changes in a row must not starve it.
    if (running.current?.wanted === wanted) {
      running.current.isStale = true;
      return undefined;
    }
    running.current?.control.abort();
    ask(wanted);
    return undefined;
  }, [wanted, ...versions]);
  useEffect(() => () => running.current?.control.abort(), []);
  useEffect(() => (isPresent ? troubled(api, found, () => running.current ?? ask(wanted)) : undefined), [found, wanted]);

  async function ask(key) {
    const call = { wanted: key, control: new AbortController(), isStale: false };
    running.current = call;
    const answer = await api
      .get(path, query, { signal: call.control.signal })
      .then((body) => ({ body, error: null }))
      .catch((error) => ({ error }));
    if (running.current !== call || answer.error?.name === "AbortError") return;
    running.current = null;
    if (answer.error) onError?.(answer.error);
    set((before) => (answer.error ? failed(before, key, answer.error) : { wanted: key, body: answer.body, error: null, since: now() }));
    if (call.isStale && !answer.error) ask(key);
  }

  return { last: found.body, body: isPresent ? found.body : null, error: isPresent ? found.error : null, isLoading: wanted !== null && !isPresent };
}

const failed = (before, wanted, error) => (before.wanted === wanted ? { ...before, error } : { wanted, body: null, error, since: null });

/** An answer that is old or missing is told of, and asked for again if that may help. */
function troubled(api, { error, since }, again) {
  if (!error || !(error.isPassing || since)) return undefined;
  const forget = api.troubles.add({ error, since });
  const timer = error.isPassing ? setTimeout(again, AGAIN_MS) : undefined;
  return () => (clearTimeout(timer), forget());
}

/**
 * A list that comes page by page, as far as it was asked for; when something changed, as far again, and shown once whole.
 * @param read what the list is called in an answer
 */
export function usePages(api, path, query, versions, { read, onError }) {
  const wanted = JSON.stringify([path, query]);
  const first = useAnswer(api, path, query, versions, onError);
  const [list, setList] = useState({ wanted: null, items: [], next: null, pages: 1 });
  const [failure, setFailure] = useState(null);
  const [attempt, setAttempt] = useState(0);
  const isAsking = useRef(false);

  useEffect(() => {
    if (!first.body) return undefined;
    let isOver = false;
    api
      .collect(first.body, read, list.wanted === wanted ? list.pages : 1)
      .then((found) => isOver || (setFailure(null), setList({ wanted, ...found })))
      .catch((error) => isOver || fail(error, () => setAttempt((count) => count + 1)));
    return () => (isOver = true);
  }, [first.body, attempt]);
  useEffect(() => (failure ? troubled(api, failure, failure.again) : undefined), [failure]);

  function fail(error, again) {
    onError(error);
    setFailure({ error, since: null, again });
  }

  async function more() {
    if (!list.next || isAsking.current) return;
    isAsking.current = true;
    const answer = await api.follow(list.next).catch((error) => fail(error, more));
    isAsking.current = false;
    if (!answer) return;
    const longer = (before) => ({ ...before, items: [...before.items, ...answer[read]], next: answer.next ?? null, pages: before.pages + 1 });
    setFailure(null);
    setList((before) => (before.next === list.next ? longer(before) : before));
  }

  const isPresent = list.wanted === wanted;
  return { items: isPresent ? list.items : null, isMore: isPresent && list.next !== null, error: first.error ?? failure?.error, more };
}
