import { deepEqual, equal, ok } from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { Batcher } from "../../static/client/batcher.js";
import { Server } from "../../static/client/server.js";
import { Session } from "../../static/client/session.js";
import { Tape } from "../../static/client/tape.js";
import { Transcript } from "../../static/client/transcript.js";

const PCM = "audio/l16;rate=16000;channels=1;endianness=little-endian";
const BLOB_S = 0.4;

/**
 * @typedef {object} Sent
 * @property {FormData} form
 * @property {Headers} headers
 * @property {(body: object, status?: number) => Promise<void>} answer
 */

/** @type {Sent[]} requests that wait for the test to answer them */
let waiting = [];
/** @type {Session[]} */
const begun = [];
const { fetch } = globalThis;

beforeEach(() => {
  waiting = [];
  globalThis.fetch = (_, init) =>
    new Promise((resolve, reject) => {
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
      const form = /** @type {FormData} */ (init?.body);
      const answer = async (/** @type {object} */ body, status = 200) => {
        resolve(Response.json(body, { status }));
        await settled();
      };
      waiting.push({ form, headers: new Headers(init?.headers), answer });
    });
});

afterEach(() => {
  for (const session of begun.splice(0)) session.close(); // else they would try for ever
  globalThis.fetch = fetch;
});

/** Let everything that waits for promises only run. */
function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}

/** @param {number} blobs */
function tape(blobs) {
  const made = new Tape();
  made.beginStream(PCM);
  for (let i = 0; i < blobs; i++) made.append(new Uint8Array(BLOB_S * 32_000).fill(i), BLOB_S);
  return made;
}

/**
 * @param {Tape} recorded
 * @param {number} [settledS]
 * @param {Transcript} [transcript] what is final
 */
function begin(recorded, settledS = 0, transcript = new Transcript()) {
  /** @type {string[]} */
  const told = [];
  const session = new Session(
    new Server("http://a.test", "A"),
    recorded,
    {},
    settledS,
    transcript,
    {
      heard: (_, segments) => told.push(...segments.map((segment) => segment.text)),
      failed: (_, error) => told.push(`failed ${error.status}`),
      overdue: () => told.push("overdue"),
      damaged: () => told.push("damaged"),
      lost: () => told.push("lost"),
      refused: (_, error) => told.push(`refused ${error.code}`),
    },
  );
  begun.push(session);
  const pump = () => session.pump(new Batcher(), { flush: false, ended: false });
  pump();
  return { session, told, pump };
}

/**
 * @param {string[]} texts
 * @param {number} firstId
 * @param {{settled: [number, number], next?: number, gap?: boolean}} about
 */
function reply(texts, firstId, { settled, next = 1, gap = false }) {
  return {
    revision: firstId + texts.length,
    next_sequence: next,
    partial: "",
    stable_chars: 0,
    language: "en",
    final: false,
    audio_seconds: { received: 0, final: 0, pending: 0, silence: 0 },
    settled: { seconds: settled[0], segments: settled[1] },
    segments: texts.map((text, i) => ({
      id: firstId + i,
      start: firstId + i,
      end: firstId + i + 1,
      text,
      confidence: 1,
      ...(gap && { gap }),
    })),
  };
}

/** @param {number} at */
function sent(at) {
  return /** @type {Sent} */ (waiting[at]);
}

test("the first chunk goes alone; then up to three are under way", async () => {
  const recorded = tape(2);
  const { session, pump } = begin(recorded);
  for (let i = 0; i < 8; i++) {
    recorded.append(new Uint8Array(12_800), BLOB_S);
    pump();
  }
  equal(waiting.length, 1);
  await sent(0).answer(reply([], 0, { settled: [0, 0] }));
  for (let i = 0; i < 8; i++) {
    recorded.append(new Uint8Array(12_800), BLOB_S);
    pump();
  }
  equal(session.inFlight, 3);
  deepEqual(
    waiting.map(({ form }) => form.get("sequence")),
    ["0", "1", "2", "3"],
  );
});

test("batches are as long as the newest reply suggests", async () => {
  const recorded = tape(2);
  const batcher = new Batcher();
  const { session } = begin(recorded);
  await sent(0).answer(reply([], 0, { settled: [0, 0] }));
  recorded.append(new Uint8Array(25_600), 2 * BLOB_S);
  session.pump(batcher, { flush: false, ended: false });
  await sent(1).answer({ ...reply([], 0, { settled: [0, 0] }), suggested_chunk_ms: 1600 });
  equal(batcher.batchS, 4 * BLOB_S);
});

test("replies that overtake each other tell every word once and in order", async () => {
  const recorded = tape(2);
  const { session, told, pump } = begin(recorded);
  await sent(0).answer(reply(["a"], 0, { settled: [1, 1] }));
  for (let i = 0; i < 4; i++) {
    recorded.append(new Uint8Array(12_800), BLOB_S);
    pump();
  }
  equal(waiting.length, 3);
  await sent(2).answer(reply(["c"], 2, { settled: [3, 3], next: 3 }));
  deepEqual(told, ["a"]);
  equal(session.settledS, 1, "what a later reply settled does not count before its words are here");
  await sent(1).answer(reply(["b"], 1, { settled: [2, 2], next: 3 }));
  deepEqual(told, ["a", "b", "c"]);
  equal(session.settledS, 3);
});

test("a chunk that failed is sent again as it was, and none overtakes it", async (t) => {
  t.mock.method(Math, "random", () => 0);
  const recorded = tape(2);
  const { told, pump } = begin(recorded);
  await sent(0).answer(reply([], 0, { settled: [0, 0] }));
  recorded.append(new Uint8Array(25_600), 2 * BLOB_S);
  pump();
  await sent(1).answer({ detail: "full", code: "queue-full" }, 503);
  deepEqual(told, ["failed 503"]);
  recorded.append(new Uint8Array(25_600), 2 * BLOB_S);
  pump();
  while (waiting.length < 3) await settled();
  equal(sent(2).form.get("sequence"), "1");
  deepEqual(await bytes(sent(2)), await bytes(sent(1)));
});

/** @param {Sent} request */
async function bytes({ form }) {
  const file = /** @type {File} */ (form.get("audio"));
  return new Uint8Array(await file.arrayBuffer());
}

test("a session that the server does not know any more is lost; a refusal is told", async () => {
  for (const [code, status, said] of /** @type {const} */ ([
    ["unknown-session", 404, "lost"],
    ["session-expired", 410, "lost"],
    ["sequence-given-up", 409, "lost"],
    ["bad-field", 400, "refused bad-field"],
  ])) {
    waiting = [];
    const { told } = begin(tape(2));
    await sent(0).answer({ type: `urn:live-transcription:${code}`, code, detail: "no" }, status);
    deepEqual(told, [said]);
  }
});

test("a gap shown for a chunk that is still on its way is not believed", async () => {
  const recorded = tape(2);
  const { told, pump } = begin(recorded);
  await sent(0).answer(reply([], 0, { settled: [0, 0] }));
  for (let i = 0; i < 4; i++) {
    recorded.append(new Uint8Array(12_800), BLOB_S);
    pump();
  }
  await sent(2).answer(reply(["[…]"], 0, { settled: [2, 1], next: 3, gap: true }));
  deepEqual(told, ["lost"]);
});

test("a session after another begins a little before where that one had settled", async () => {
  const { session } = begin(tape(30), 10.1);
  const { form } = sent(0);
  equal(form.get("skip_s"), "8.100");
  ok(Math.abs(session.startS - 2) < 1e-9);
  equal((await bytes(sent(0)))[0], 5, "the blob that holds the time eight seconds earlier");
});

test("it says what was said in that while, as context for what follows", () => {
  const transcript = new Transcript();
  const segments = ["One", " two", " three"].map((text, id) => {
    return { id, start: 1 + 3 * id, end: 2 + 3 * id, text, confidence: 1, words: [] };
  });
  transcript.add(segments, 0);
  begin(tape(30), 10.1, transcript);
  const { form } = sent(0);
  equal(form.get("skip_text"), "two three");
  equal(form.get("skip_text_s"), "2.000");
});

test("the last chunk says so, and one without sound is sent if all else is gone", async () => {
  const recorded = tape(2);
  const { session } = begin(recorded);
  await sent(0).answer(reply([], 0, { settled: [0, 0] }));
  session.pump(new Batcher(), { flush: true, ended: true });
  equal(sent(1).form.get("final"), "true");
  equal(sent(1).form.get("audio"), null);
  await sent(1).answer({ ...reply(["end"], 0, { settled: [0.8, 1], next: 2 }), final: true });
  ok(session.complete);
});

test("chunks, questions and the goodbye show the key that the server has by then", async () => {
  const recorded = tape(2);
  const { session } = begin(recorded);
  session.server.useKey("correct-horse-battery");
  await sent(0).answer(reply([], 0, { settled: [0, 0] }));
  session.pump(new Batcher(), { flush: true, ended: true });
  await sent(1).answer(reply([], 0, { settled: [0.8, 1], next: 2 }));
  session.pump(new Batcher(), { flush: true, ended: true });
  session.leave();
  await sent(3).answer(reply([], 0, { settled: [0.8, 1], next: 3 }));
  deepEqual(
    waiting.map(({ headers }) => headers.get("Authorization")),
    [null, ...Array(3).fill("Bearer correct-horse-battery")],
  );
});
