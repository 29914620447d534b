import assert from "node:assert/strict";
import { test } from "node:test";
import { Lost, Refused, SignedOut } from "../data/errors.js";
import { follow } from "../data/live.js";

/** A platform that gives these answers in order; after the last answer, calls wait forever. */
function platform(...answers) {
  const queries = [];
  const get = (path, query) => {
    queries.push(query);
    const next = answers.shift() ?? new Promise(() => {});
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  };
  return { get, queries };
}

const page = (hidden = false) => Object.assign(new EventTarget(), { hidden });
const started = (api, more = {}) => {
  const events = { changed: [], states: [], out: [] };
  const stop = follow(api, {
    changed: (names) => events.changed.push(names),
    state: (state) => events.states.push(state),
    signedOut: (error) => events.out.push(error),
    page: page(),
    network: new EventTarget(),
    locks: undefined,
    ...more,
  });
  return { events, stop };
};
const until = async (condition) => {
  for (let tries = 0; tries < 400 && !condition(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(condition());
};

test("the first call returns at once, the next calls wait, and changes are reported", async () => {
  const api = platform({ cursor: "a", changed: [] }, { cursor: "b", changed: ["limits"] });
  const { events, stop } = started(api);
  await until(() => api.queries.length === 3);
  assert.deepEqual(api.queries.map(({ after, timeout }) => [after, timeout]), [[null, 0], ["a", 25], ["b", 25]]);
  assert.deepEqual(events.changed, [["limits"]]);
  stop();
});

test("a hidden page polls without waiting", async () => {
  const api = platform({ cursor: "a", changed: [] }, { cursor: "b", changed: [] });
  const hidden = page(true);
  const { events, stop } = started(api, { page: hidden });
  await until(() => events.states.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(api.queries.map(({ timeout }) => timeout), [0]);
  assert.equal(events.states.at(-1).isHidden, true);
  hidden.hidden = false;
  hidden.dispatchEvent(new Event("visibilitychange"));
  await until(() => api.queries.length > 1);
  assert.equal(api.queries[1].timeout, 25);
  stop();
});

test("a lost connection is reported and retried, and everything is reloaded after it", async () => {
  const api = platform({ cursor: "a", changed: [] }, new Lost("gone"), { cursor: "b", changed: [] });
  const { events, stop } = started(api);
  await until(() => events.changed.length === 1);
  assert.ok(events.states.some((state) => state.isLost));
  assert.equal(events.states.at(-1).isLost, false);
  assert.deepEqual(events.changed[0], ["plans", "limits", "deliveries", "registry"]);
  assert.deepEqual(api.queries.map(({ timeout }) => timeout).slice(0, 3), [0, 25, 0]);
  stop();
});

test("if the platform accepts no waiting call, everything is reloaded", async () => {
  const api = platform({ cursor: "a", changed: [] }, new Refused(503, { detail: "too many waiting calls" }));
  const { events, stop } = started(api);
  await until(() => events.changed.length === 1);
  assert.equal(events.states.at(-1).isLost, false);
  stop();
});

test("if other windows hold all locks, the page polls without waiting", async () => {
  const api = platform({ cursor: "a", changed: [] }, { cursor: "b", changed: ["plans"] });
  const taken = { request: async (_name, _options, hold) => hold(null) };
  const { events, stop } = started(api, { locks: taken });
  await until(() => events.changed.length === 1);
  assert.deepEqual(api.queries.map(({ timeout }) => timeout), [0, 0]);
  stop();
});

test("the end of the session ends the updates", async () => {
  const { events } = started(platform(new SignedOut("over")));
  await until(() => events.out.length === 1);
  assert.equal(events.out[0].why, "over");
});
