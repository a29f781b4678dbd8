import { deepEqual, equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { Transcript } from "../../static/client/transcript.js";

/**
 * @param {number} id
 * @param {string} text
 * @param {number} start
 */
function segment(id, text, start) {
  const words = [{ word: text, start, end: start + 1, probability: 1 }];
  return { id, start, end: start + 1, text, confidence: 1, words };
}

test("segments of a second session go on with ids, times and a space", () => {
  const transcript = new Transcript();
  transcript.add([segment(0, "One", 0), segment(1, " two.", 1)], 0);
  const added = transcript.add([segment(0, "Three", 0.5), segment(1, " four.", 2)], 10);
  deepEqual(
    added.map(({ id, start, end, text }) => ({ id, start, end, text })),
    [
      { id: 2, start: 10.5, end: 11.5, text: " Three" },
      { id: 3, start: 12, end: 13, text: " four." },
    ],
  );
  equal(added[0]?.words?.[0]?.start, 10.5);
  equal(transcript.text, "One two. Three four.");
});

test("scripts without spaces between words get none between sessions either", () => {
  const transcript = new Transcript();
  transcript.add([segment(0, "今日は", 0)], 0);
  transcript.add([segment(0, "晴れ", 0)], 5);
  equal(transcript.text, "今日は晴れ");
});

test("what was said in a stretch is joined as in the whole, from the last gap on", () => {
  const transcript = new Transcript();
  const gap = { id: 1, start: 1, end: 3, text: " […]", confidence: 0, words: [], gap: true };
  transcript.add([segment(0, "One", 0), gap, segment(2, " two", 3)], 0);
  transcript.add([segment(0, "three", 0)], 5);
  deepEqual(transcript.said(0, 9), { text: "two three", startS: 3 });
  deepEqual(transcript.said(4, 9), { text: "three", startS: 5 });
  equal(transcript.said(6, 9), null);
});

test("of a segment that began before the stretch only the words in it were said", () => {
  const transcript = new Transcript();
  const words = ["One", "two,", "three"].map((word, n) => {
    return { word, start: n, end: n + 0.9, probability: 1 };
  });
  transcript.add([{ ...segment(0, "One two, three", 0), end: 3, words }], 10);
  transcript.add([segment(1, " four", 3)], 10);
  deepEqual(transcript.said(10.5, 20), { text: "two, three four", startS: 11 });
  deepEqual(transcript.said(12.5, 20), { text: "four", startS: 13 });
});

test("what was final before a crash comes first", () => {
  const transcript = new Transcript([segment(0, "Before", 0)]);
  const added = transcript.add([segment(0, "after", 0)], 3);
  deepEqual([added[0]?.id, transcript.text], [1, "Before after"]);
});

test("a partial is told only when it differs", () => {
  const transcript = new Transcript();
  ok(transcript.show("hello wor", 5));
  ok(!transcript.show("hello wor", 5));
  ok(transcript.show("hello wor", 9));
  ok(transcript.show("", 0));
  deepEqual([transcript.partial, transcript.stableChars], ["", 0]);
});

test("a new session's partial is joined by a space, which counts as stable", () => {
  const transcript = new Transcript([segment(0, "Before", 0)]);
  transcript.show("after it", 5);
  equal(transcript.partial, " after it");
  equal(transcript.partial.slice(0, transcript.stableChars), " after");
});
