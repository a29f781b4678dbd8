import { deepEqual, equal, ok } from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Delivery } from "../../static/client/delivery.js";
import { Servers } from "../../static/client/servers.js";
import { Tape } from "../../static/client/tape.js";
import { Transcript } from "../../static/client/transcript.js";

const PCM = "audio/l16;rate=16000;channels=1;endianness=little-endian";
const BLOB_S = 0.4;
const BASE = "http://home.test/";
const [FIRST, SECOND] = ["http://first.test", "http://second.test"];
const [KEY, OTHER_KEY] = ["correct-horse-battery", "another-long-secret"];
/** A server that refused is asked again after so long. */
const LATER_MS = 61_000;

/** @typedef {{form: FormData, key: string|null, probe: boolean}} Heard */

/** What each host says of a chunk; null: it takes it. @type {Record<string, (heard: Heard) => Response|null>} */
let says = {};
/** @type {Record<string, Heard[]>} what each host was asked */
let heard = {};
/** @type {Set<Delivery>} */
const begun = new Set();
const { fetch } = globalThis;
const { now } = performance;
const { random } = Math;

beforeEach(() => {
  says = { "first.test": () => null, "second.test": () => null };
  heard = { "first.test": [], "second.test": [] };
  Math.random = () => 0;
  Object.assign(globalThis, { addEventListener: () => {}, removeEventListener: () => {} });
  globalThis.fetch = async (url, init) => {
    const { host, pathname } = new URL(String(url));
    const form = /** @type {FormData} */ (init?.body);
    const headers = new Headers(init?.headers);
    const one = { form, key: headers.get("Authorization"), probe: pathname === "/health" };
    heard[host]?.push(one);
    if (one.probe) return Response.json({ status: "ok", accepting: true });
    return says[host]?.(one) ?? Response.json(await taken(form));
  };
});

afterEach(() => {
  for (const delivery of begun) delivery.stop();
  begun.clear();
  Object.assign(globalThis, { fetch });
  Object.assign(performance, { now });
  Object.assign(Math, { random });
});

/**
 * The reply of a server that has heard everything: one segment a chunk, which names its blobs.
 *
 * @param {FormData} form
 */
async function taken(form) {
  const sequence = Number(form.get("sequence"));
  const blobs = await blobsOf(form);
  const id = sequence;
  const segments = [{ id, start: 0, end: 0, text: ` ${blobs.join(" ")}`, confidence: 1 }];
  return {
    revision: sequence,
    next_sequence: sequence + 1,
    partial: "",
    stable_chars: 0,
    language: "en",
    final: form.get("final") === "true",
    audio_seconds: { received: 0, final: 0, pending: 0, silence: 0 },
    settled: { seconds: 0, segments: sequence + 1 },
    segments,
  };
}

/** @param {FormData} form @returns {Promise<number[]>} which blobs it brings: each is filled with its number */
async function blobsOf(form) {
  const audio = /** @type {File|null} */ (form.get("audio"));
  return [...new Set(new Uint8Array((await audio?.arrayBuffer()) ?? []))];
}

/** @param {string} code @param {number} status @param {Record<string, string>} [headers] */
function refusal(code, status, headers = {}) {
  const body = { type: `urn:live-transcription:${code}`, code, detail: code };
  return () => Response.json(body, { status, headers });
}

/** @param {string} key */
function onlyWith(key) {
  return (/** @type {Heard} */ { key: shown }) =>
    shown === `Bearer ${key}` ? null : refusal("unauthorized", 401)();
}

/** @param {import("../../static/client/types.js").ServerAddress[]} addresses */
async function recording(addresses) {
  const servers = new Servers(addresses, BASE);
  for (const server of servers.list) await servers.probe(server);
  const [tape, transcript] = [new Tape(), new Transcript()];
  const delivery = new Delivery({ servers, tape, transcript, fields: {}, journal: null });
  begun.add(delivery);
  /** @type {string[]} */
  const problems = [];
  delivery.addEventListener("problem", (event) => {
    const { code, server } = /** @type {CustomEvent} */ (event).detail;
    problems.push(`${code} ${server}`);
  });
  delivery.beginStream(PCM);
  let blob = 0;
  const speak = async (/** @type {number} */ blobs) => {
    for (let i = 0; i < blobs; i++) {
      delivery.append({ bytes: new Uint8Array(BLOB_S * 32_000).fill(++blob), seconds: BLOB_S });
    }
    await settled();
  };
  return { servers, delivery, transcript, problems, speak };
}

/** Let everything that waits for promises only run; bodies take a few turns. */
async function settled() {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Nothing more is said: in a moment every word is final.
 *
 * @param {Delivery} delivery
 */
async function end(delivery) {
  let isOver = false;
  void delivery.end().then(() => {
    isOver = true;
  });
  for (let i = 0; i < 100 && !isOver; i++) {
    delivery.tick();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  ok(isOver, "something is still waited for");
}

/** @param {string} host @returns {Heard[]} chunks only */
function chunks(host) {
  return (heard[host] ?? []).filter(({ probe }) => !probe);
}

test("every request but a probe shows the server its key", async () => {
  says["first.test"] = onlyWith(KEY);
  const { delivery, transcript, problems, speak } = await recording([{ url: FIRST, key: KEY }]);
  await speak(4);
  await end(delivery);
  equal(transcript.text, "1 2 3 4");
  deepEqual(new Set(chunks("first.test").map(({ key }) => key)), new Set([`Bearer ${KEY}`]));
  const probes = heard["first.test"]?.filter(({ probe }) => probe) ?? [];
  deepEqual(new Set(probes.map(({ key }) => key)), new Set([null]));
  deepEqual(problems, []);
});

test("where a server asks for a key another steps in, and every word is there", async () => {
  says["first.test"] = refusal("unauthorized", 401);
  const { servers, delivery, transcript, problems, speak } = await recording([
    { url: FIRST, key: KEY },
    { url: SECOND },
  ]);
  await speak(6);
  equal(servers.list[0]?.status.reason, "key");
  await end(delivery);
  equal(transcript.text, "1 2 3 4 5 6");
  deepEqual(problems, [`key-needed ${FIRST}`]);
  deepEqual(new Set(chunks("second.test").map(({ key }) => key)), new Set([null]), "not its key");
});

test("without another server all is kept, and sent once the right key is given", async () => {
  says["first.test"] = onlyWith(KEY);
  const { servers, delivery, transcript, problems, speak } = await recording([{ url: FIRST }]);
  await speak(6);
  equal(delivery.waiting, true);
  servers.replace([{ url: FIRST, key: OTHER_KEY }], BASE);
  delivery.tick();
  await speak(2);
  deepEqual(problems, [`key-needed ${FIRST}`, `key-needed ${FIRST}`], "once for each key");
  const ended = end(delivery);
  await settled();
  equal(transcript.text, "");
  servers.replace([{ url: FIRST, key: KEY }], BASE);
  await ended;
  equal(transcript.text, "1 2 3 4 5 6 7 8");
});

test("a key that is missed is told once, however often the server is asked again", async () => {
  says["first.test"] = refusal("unauthorized", 401);
  const { delivery, problems, speak } = await recording([{ url: FIRST }]);
  await speak(4);
  performance.now = () => now.call(performance) + LATER_MS;
  delivery.tick();
  await settled();
  equal(chunks("first.test").length, 2);
  deepEqual(problems, [`key-needed ${FIRST}`]);
});

test("a refusal of the key before does not count against the next one", async () => {
  /** @type {() => void} */
  let answer = () => {};
  says["first.test"] = onlyWith(KEY);
  const { servers, delivery, transcript, problems, speak } = await recording([{ url: FIRST }]);
  const asked = globalThis.fetch;
  globalThis.fetch = async (url, init) => {
    const reply = await asked(url, init);
    if (reply.status === 401) await new Promise((resolve) => (answer = () => resolve(null)));
    return reply;
  };
  await speak(4);
  servers.replace([{ url: FIRST, key: KEY }], BASE);
  answer();
  await end(delivery);
  equal(transcript.text, "1 2 3 4");
  deepEqual(problems, []);
});

test("a server that asks to be left alone for hours is left, and told of once", async () => {
  says["first.test"] = refusal("over-quota", 429, { "Retry-After": "36000" });
  const { delivery, transcript, problems, speak } = await recording([
    { url: FIRST },
    { url: SECOND },
  ]);
  await speak(6);
  await end(delivery);
  equal(transcript.text, "1 2 3 4 5 6");
  deepEqual(problems, [`refused ${FIRST}`]);
});

test("one that asks for a moment is waited for", async () => {
  let refusals = 0;
  const busy = refusal("over-quota", 429, { "Retry-After": "0.05" });
  says["first.test"] = () => (refusals++ ? null : busy());
  const { delivery, transcript, problems, speak } = await recording([
    { url: FIRST },
    { url: SECOND },
  ]);
  await speak(6);
  await end(delivery);
  equal(transcript.text, "1 2 3 4 5 6");
  deepEqual([chunks("second.test"), problems], [[], []]);
});
