// Answers for views: loaded when a view needs them, loaded again after a change, and kept until the next answer arrives.

import { useEffect, useRef, useState } from "../lib/preact.js";
import { now } from "../rules/platform_time.js";

const RETRY_MS = 3_000;

/**
 * Return the answer of a route.
 * @param path the route; null sends no call
 * @param versions numbers that grow when data in the answer changes
 */
export function useAnswer(api, path, query, versions, onError) {
  const wanted = path === null ? null : JSON.stringify([path, query]);
  const [loaded, setLoaded] = useState({ wanted: null, body: null, error: null, since: null });
  const running = useRef(null);
  const isPresent = loaded.wanted === wanted;

  useEffect(() => {
    if (wanted === null) return undefined;
    // A running call for the same answer continues: restarting it after each change could delay the answer forever.
    if (running.current?.wanted === wanted) {
      running.current.isStale = true;
      return undefined;
    }
    running.current?.control.abort();
    load(wanted);
    return undefined;
  }, [wanted, ...versions]);
  useEffect(() => () => running.current?.control.abort(), []);
  useEffect(() => (isPresent ? reportTrouble(api, loaded, () => running.current ?? load(wanted)) : undefined), [loaded, wanted]);

  async function load(key) {
    const call = { wanted: key, control: new AbortController(), isStale: false };
    running.current = call;
    const answer = await api
      .get(path, query, { signal: call.control.signal })
      .then((body) => ({ body, error: null }))
      .catch((error) => ({ error }));
    if (running.current !== call || answer.error?.name === "AbortError") return;
    running.current = null;
    if (answer.error) onError?.(answer.error);
    setLoaded((before) => (answer.error ? failed(before, key, answer.error) : { wanted: key, body: answer.body, error: null, since: now() }));
    if (call.isStale && !answer.error) load(key);
  }

  return { last: loaded.body, body: isPresent ? loaded.body : null, error: isPresent ? loaded.error : null, isLoading: wanted !== null && !isPresent };
}

const failed = (before, wanted, error) => (before.wanted === wanted ? { ...before, error } : { wanted, body: null, error, since: null });

/** Report an answer that is old or missing, and retry if the error may pass. */
function reportTrouble(api, { error, since }, retry) {
  if (!error || !(error.isPassing || since)) return undefined;
  const withdraw = api.troubles.add({ error, since });
  const timer = error.isPassing ? setTimeout(retry, RETRY_MS) : undefined;
  return () => (clearTimeout(timer), withdraw());
}

/**
 * Return a list that is loaded page by page. After a change the same number of pages is loaded before the list is replaced.
 * @param itemsKey the key of the list in an answer
 */
export function usePages(api, path, query, versions, { itemsKey, onError }) {
  const wanted = JSON.stringify([path, query]);
  const first = useAnswer(api, path, query, versions, onError);
  const [list, setList] = useState({ wanted: null, items: [], next: null, pages: 1 });
  const [failure, setFailure] = useState(null);
  const [attempt, setAttempt] = useState(0);
  const isLoadingMore = useRef(false);

  useEffect(() => {
    if (!first.body) return undefined;
    let isOver = false;
    api
      .collect(first.body, itemsKey, list.wanted === wanted ? list.pages : 1)
      .then((pages) => isOver || (setFailure(null), setList({ wanted, ...pages })))
      .catch((error) => isOver || fail(error, () => setAttempt((count) => count + 1)));
    return () => (isOver = true);
  }, [first.body, attempt]);
  useEffect(() => (failure ? reportTrouble(api, failure, failure.retry) : undefined), [failure]);

  function fail(error, retry) {
    onError(error);
    setFailure({ error, since: null, retry });
  }

  async function more() {
    if (!list.next || isLoadingMore.current) return;
    isLoadingMore.current = true;
    const answer = await api.follow(list.next).catch((error) => fail(error, more));
    isLoadingMore.current = false;
    if (!answer) return;
    const longer = (before) => ({ ...before, items: [...before.items, ...answer[itemsKey]], next: answer.next ?? null, pages: before.pages + 1 });
    setFailure(null);
    setList((before) => (before.next === list.next ? longer(before) : before));
  }

  const isPresent = list.wanted === wanted;
  return { items: isPresent ? list.items : null, isMore: isPresent && list.next !== null, error: first.error ?? failure?.error, more };
}
