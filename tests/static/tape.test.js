import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, test } from "node:test";
import { Tape } from "../../static/client/tape.js";
import { BLOB_S, joined, recorded } from "./support/blobs.js";

const EVERYTHING_S = 1000;

/**
 * @param {"webm-opus"|"mp4-opus"} name
 * @param {number} [blobs] so many of them
 */
function taped(name, blobs) {
  const stream = recorded(name);
  const taken = stream.blobs.slice(0, blobs);
  const tape = new Tape();
  tape.beginStream(stream.mimeType);
  for (const blob of taken) tape.append(blob, BLOB_S);
  return { tape, whole: joined(taken), mimeType: stream.mimeType };
}

/**
 * @param {Tape} tape
 * @param {number} fromS
 */
function start(tape, fromS) {
  return tape.cursorAt(tape.pointBefore(fromS));
}

/** @param {import("../../static/client/tape.js").Stretch|null} stretch */
async function bytesOf(stretch) {
  ok(stretch);
  return new Uint8Array(await stretch.audio.arrayBuffer());
}

for (const name of /** @type {const} */ (["webm-opus", "mp4-opus"])) {
  describe(name, () => {
    test("read in stretches, it is what was recorded, byte for byte", async () => {
      const { tape, whole, mimeType } = taped(name);
      const parts = [];
      let cursor = start(tape, 0);
      let endS = 0;
      for (let next = tape.read(cursor, 2); next; next = tape.read(cursor, 2)) {
        ok(next.endS - next.startS <= 2 + 1e-6);
        ok(Math.abs(next.startS - endS) <= BLOB_S, `${endS} to ${next.startS}`);
        equal(next.audio.type, mimeType);
        parts.push(await bytesOf(next));
        ({ next: cursor, endS } = next);
      }
      equal(endS, tape.endS);
      deepEqual(joined(parts), whole);
    });

    test("entered within, it begins with the init segment and the last point before", async () => {
      const { tape, whole } = taped(name, 40);
      const point = tape.pointBefore(10);
      ok(point.timeS <= 10 && point.timeS > 10 - 2 * BLOB_S, `${point.timeS}`);
      const bytes = await bytesOf(tape.read(tape.cursorAt(point), EVERYTHING_S));
      const init = bytes.length - (whole.length - point.offset);
      ok(init > 0 && init < 2000, `${init}`);
      deepEqual(bytes.subarray(0, init), whole.subarray(0, init));
      deepEqual(bytes.subarray(init), whole.subarray(point.offset));
    });

    test("what is released can't be had again, the rest as before", async () => {
      const { tape } = taped(name, 40);
      const before = await bytesOf(tape.read(start(tape, 10), EVERYTHING_S));
      tape.release(10);
      ok(tape.firstPiece > 10);
      ok(tape.pointBefore(0).timeS > 8);
      deepEqual(await bytesOf(tape.read(start(tape, 10), EVERYTHING_S)), before);
    });
  });
}

test("a new microphone begins a stream, which no stretch reaches over", async () => {
  const { tape } = taped("webm-opus", 5);
  const { mimeType, blobs } = recorded("mp4-opus");
  tape.beginStream(mimeType);
  for (const blob of blobs.slice(0, 5)) tape.append(blob, BLOB_S);
  const first = tape.read(start(tape, 0), EVERYTHING_S);
  ok(first);
  ok(tape.streamEnded(start(tape, 0)));
  ok(Math.abs(first.endS - 5 * BLOB_S) < 1e-6);
  const second = tape.read(first.next, EVERYTHING_S);
  equal(second?.audio.type, mimeType);
  deepEqual(await bytesOf(second), joined(blobs.slice(0, 5)));
  ok(Math.abs(tape.pointBefore(first.endS + 0.01).timeS - first.endS) < 1e-6);
});

test("an empty tape has nothing to read", () => {
  const tape = new Tape();
  tape.beginStream("audio/webm;codecs=opus");
  equal(tape.read(start(tape, 0), 2), null);
  equal(tape.secondsFrom(start(tape, 0)), 0);
});

test("a cursor at the end reads what comes later", async () => {
  const { tape } = taped("webm-opus", 5);
  const read = tape.read(start(tape, 0), EVERYTHING_S);
  ok(read);
  equal(tape.read(read.next, 2), null);
  const blob = recorded("webm-opus").blobs[5];
  ok(blob);
  tape.append(blob, BLOB_S);
  deepEqual(await bytesOf(tape.read(read.next, 2)), blob);
});
