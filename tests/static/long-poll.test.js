import { deepEqual, equal, rejects } from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { follow } from "../../static/page/long-poll.js";

const ADDRESS = "http://a.test/watch/w";
const LIMIT_MS = 30_000;

/** @typedef {{url: URL, init: RequestInit, answer: (reply: Response) => Promise<void>}} Asked */

/** @type {Asked[]} every question so far */
let asked = [];
/** @type {Map<number, {ms: number, run: () => void}>} the timers that are set, by their ids */
let timers = new Map();
let nowMs = 0;
const { fetch, setTimeout, clearTimeout } = globalThis;
const [{ now }, { random }] = [performance, Math];

beforeEach(() => {
  [asked, timers, nowMs] = [[], new Map(), 0];
  globalThis.fetch = (url, init = {}) =>
    new Promise((resolve, reject) => {
      init.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      const answer = async (/** @type {Response} */ reply) => {
        resolve(reply);
        await settled();
      };
      asked.push({ url: new URL(String(url)), init, answer });
    });
  let id = 0;
  globalThis.setTimeout = /** @type {typeof setTimeout} */ (
    (/** @type {() => void} */ run, /** @type {number} */ ms) => {
      timers.set(++id, { ms, run });
      return id;
    }
  );
  globalThis.clearTimeout = (timer) => void timers.delete(Number(timer));
  performance.now = () => nowMs;
  Math.random = () => 1;
});

afterEach(() => {
  Object.assign(globalThis, { fetch, setTimeout, clearTimeout });
  Object.assign(performance, { now });
  Object.assign(Math, { random });
});

/** Let everything that waits for promises only run; bodies take a few turns. */
async function settled() {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(() => resolve(null)));
}

/** The pauses and limits that run now, in milliseconds. */
function waits() {
  return [...timers.values()].map(({ ms }) => ms);
}

/** Let the only timer that runs come to its end. */
async function elapse() {
  const [timer, ...others] = timers;
  equal(others.length, 0, "one timer at a time");
  if (!timer) throw new Error("No timer runs.");
  timers.delete(timer[0]);
  nowMs += timer[1].ms;
  timer[1].run();
  await settled();
}

function last() {
  const found = asked.at(-1);
  if (!found) throw new Error("Nothing was asked.");
  return found;
}

/**
 * @param {number} revision
 * @param {string[]} texts
 * @param {object} [more]
 */
function state(revision, texts, more = {}) {
  const segments = texts.map((text, id) => ({ id, text }));
  const body = { state: "active", revision, segments, final: false, ...more };
  return Response.json(body, { headers: { ETag: `"${revision}"` } });
}

const unchanged = () => new Response(null, { status: 304 });

function begin() {
  /** @type {string[]} */
  const told = [];
  const leaving = new AbortController();
  const followed = follow(ADDRESS, {
    signal: leaving.signal,
    onState: ({ segments }) => told.push(segments.map(({ text }) => text).join(" ")),
    onAnswer: () => told.push("(answer)"),
    onTrouble: () => told.push("(trouble)"),
  });
  return { told, leaving, followed };
}

test("news are followed, from the first segment to the last", async () => {
  const { told, followed } = begin();
  equal(last().url.search, "");
  await last().answer(state(1, ["one"]));
  equal(last().url.search, "?after=0&wait=20");
  deepEqual(last().init.headers, { "If-None-Match": '"1"' });
  await last().answer(state(2, ["one", "two"], { final: true, state: "ended" }));
  await followed;
  deepEqual(told, ["one", "one two"]);
  deepEqual(waits(), []);
});

test("a body that breaks off, a page and foreign JSON are trouble, asked again ever later", async () => {
  const { told, followed } = begin();
  const broken = new ReadableStream({ start: (body) => body.error(new TypeError("reset")) });
  await last().answer(new Response(broken));
  deepEqual(waits(), [500]);
  await elapse();
  await last().answer(new Response("<h1>Sign in</h1>", { headers: { ETag: '"page"' } }));
  deepEqual(waits(), [1000]);
  await elapse();
  equal(last().url.search, "", "nothing of the page is taken for known");
  await last().answer(Response.json(null));
  deepEqual(waits(), [2000]);
  await elapse();
  await last().answer(state(1, ["one"], { final: true }));
  await followed;
  deepEqual(told, ["(trouble)", "(trouble)", "(trouble)", "one"]);
});

test("a server that does not wait is asked once a second", async () => {
  for (const soon of [unchanged, () => state(1, ["one"])]) {
    asked = [];
    const { leaving, followed } = begin();
    await last().answer(state(1, ["one"]));
    equal(asked.length, 2, "news are followed by a question at once");
    await last().answer(soon());
    deepEqual([asked.length, waits()], [2, [1000]]);
    await elapse();
    equal(asked.length, 3);
    leaving.abort();
    await followed;
  }
});

test("a server that waited is asked again at once", async () => {
  const { told, leaving, followed } = begin();
  await last().answer(state(1, ["one"]));
  nowMs += 20_000;
  await last().answer(unchanged());
  deepEqual([asked.length, waits(), told], [3, [LIMIT_MS], ["one", "(answer)"]]);
  leaving.abort();
  await followed;
});

test("a question without an answer is given up, and asked again", async () => {
  const { told, leaving, followed } = begin();
  deepEqual(waits(), [LIMIT_MS]);
  await elapse();
  deepEqual([told, waits()], [["(trouble)"], [500]]);
  await elapse();
  equal(asked.length, 2);
  leaving.abort();
  await followed;
});

test("leaving ends a question or a pause, and is no trouble", async () => {
  const asking = begin();
  asking.leaving.abort();
  await asking.followed;
  equal(last().init.signal?.aborted, true);
  deepEqual([asking.told, waits()], [[], []]);
  const pausing = begin();
  await last().answer(new Response("", { status: 503 }));
  pausing.leaving.abort();
  await pausing.followed;
  deepEqual([pausing.told, waits()], [["(trouble)"], []]);
});

test("what asking again will not change is refused with what the server says", async () => {
  const { followed } = begin();
  const refused = rejects(followed, { status: 404, message: "Nobody has this." });
  await last().answer(Response.json({ detail: "Nobody has this." }, { status: 404 }));
  await refused;
  deepEqual(waits(), []);
});
