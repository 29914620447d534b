import assert from "node:assert/strict";
import { test } from "node:test";
import { Lost, Refused, SignedOut } from "../data/errors.js";
import { follow } from "../data/live.js";

/** A platform that answers in turn; a promise that never ends is a call that waits. */
function platform(...answers) {
  const asked = [];
  const get = (path, query) => {
    asked.push(query);
    const next = answers.shift() ?? new Promise(() => {});
    return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
  };
  return { get, asked };
}

const page = (hidden = false) => Object.assign(new EventTarget(), { hidden });
const started = (api, more = {}) => {
  const heard = { changed: [], states: [], out: [] };
  const stop = follow(api, {
    changed: (names) => heard.changed.push(names),
    state: (state) => heard.states.push(state),
    signedOut: (error) => heard.out.push(error),
    page: page(),
    network: new EventTarget(),
    locks: undefined,
    ...more,
  });
  return { heard, stop };
};
const until = async (look) => {
  for (let tries = 0; tries < 400 && !look(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(look());
};

test("it looks once, then waits from there, and tells what changed", async () => {
  const api = platform({ cursor: "a", changed: [] }, { cursor: "b", changed: ["limits"] });
  const { heard, stop } = started(api);
  await until(() => api.asked.length === 3);
  assert.deepEqual(api.asked.map(({ after, timeout }) => [after, timeout]), [[null, 0], ["a", 25], ["b", 25]]);
  assert.deepEqual(heard.changed, [["limits"]]);
  stop();
});

test("a hidden page asks without waiting, and rarely", async () => {
  const api = platform({ cursor: "a", changed: [] }, { cursor: "b", changed: [] });
  const hidden = page(true);
  const { heard, stop } = started(api, { page: hidden });
  await until(() => heard.states.length > 0);
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(api.asked.map(({ timeout }) => timeout), [0]);
  assert.equal(heard.states.at(-1).isHidden, true);
  hidden.hidden = false;
  hidden.dispatchEvent(new Event("visibilitychange"));
  await until(() => api.asked.length > 1);
  assert.equal(api.asked[1].timeout, 25);
  stop();
});

test("a lost connection is told, tried again, and all is asked for anew once it is back", async () => {
  const api = platform({ cursor: "a", changed: [] }, new Lost("gone"), { cursor: "b", changed: [] });
  const { heard, stop } = started(api);
  await until(() => heard.changed.length === 1);
  assert.ok(heard.states.some((state) => state.isLost));
  assert.equal(heard.states.at(-1).isLost, false);
  assert.deepEqual(heard.changed[0], ["plans", "limits", "deliveries", "registry"]);
  assert.deepEqual(api.asked.map(({ timeout }) => timeout).slice(0, 3), [0, 25, 0]);
  stop();
});

test("where no call may wait it looks around by itself", async () => {
  const api = platform({ cursor: "a", changed: [] }, new Refused(503, { detail: "too many waiting calls" }));
  const { heard, stop } = started(api);
  await until(() => heard.changed.length === 1);
  assert.equal(heard.states.at(-1).isLost, false);
  stop();
});

test("where all places to wait are taken by other windows, it looks without waiting", async () => {
  const api = platform({ cursor: "a", changed: [] }, { cursor: "b", changed: ["plans"] });
  const taken = { request: async (_name, _options, hold) => hold(null) };
  const { heard, stop } = started(api, { locks: taken });
  await until(() => heard.changed.length === 1);
  assert.deepEqual(api.asked.map(({ timeout }) => timeout), [0, 0]);
  stop();
});

test("the end of a session ends it", async () => {
  const { heard } = started(platform(new SignedOut("over")));
  await until(() => heard.out.length === 1);
  assert.equal(heard.out[0].why, "over");
});
