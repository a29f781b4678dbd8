import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import { Batcher, BLOB_S } from "../../static/client/batcher.js";

const LONGEST_S = 2;
const MANY = 50;

/**
 * @param {Batcher} batcher
 * @param {number} roundTripS
 */
function answerAlways(batcher, roundTripS) {
  for (let i = 0; i < MANY; i++) batcher.note(roundTripS);
}

test("a batch is due when so much audio waits, give or take the recorder's jitter", () => {
  const batcher = new Batcher();
  ok(!batcher.isDue(0));
  ok(!batcher.isDue(batcher.batchS - BLOB_S));
  ok(batcher.isDue(batcher.batchS));
  ok(batcher.isDue(batcher.batchS - 0.02));
});

test("slow replies make batches longer, up to two seconds", () => {
  const batcher = new Batcher();
  answerAlways(batcher, 10);
  equal(batcher.batchS.toFixed(6), LONGEST_S.toFixed(6));
});

test("quick replies make batches shorter, down to one blob", () => {
  const batcher = new Batcher();
  answerAlways(batcher, 10);
  answerAlways(batcher, 0.05);
  equal(batcher.batchS, BLOB_S);
});

test("one slow reply among quick ones changes nothing", () => {
  const batcher = new Batcher();
  answerAlways(batcher, 0.05);
  batcher.note(10);
  equal(batcher.batchS, BLOB_S);
});

test("under a steady server the length comes to rest", () => {
  for (const roundTripS of [0.1, 0.3, 0.5, 0.8, 1.2, 1.8, 3]) {
    const batcher = new Batcher();
    answerAlways(batcher, roundTripS);
    const rested = batcher.batchS;
    for (let i = 0; i < MANY; i++) {
      batcher.note(roundTripS);
      equal(batcher.batchS, rested, `replies after ${roundTripS} s`);
    }
  }
});

test("a batch is no shorter than the server suggests", () => {
  const batcher = new Batcher();
  answerAlways(batcher, 0.05);
  batcher.suggest(1200);
  equal(batcher.batchS.toFixed(6), "1.200000");
  ok(!batcher.isDue(0.8));
  answerAlways(batcher, 0.05);
  equal(batcher.batchS.toFixed(6), "1.200000", "however quick the replies are");
});

test("a suggestion between two lengths gives the longer one, and two seconds at most", () => {
  const batcher = new Batcher();
  batcher.suggest(1300);
  equal(batcher.batchS.toFixed(6), "1.600000");
  batcher.suggest(60_000);
  equal(batcher.batchS.toFixed(6), LONGEST_S.toFixed(6));
});

test("when the suggestion falls batches are as short as the replies allow", () => {
  const batcher = new Batcher();
  answerAlways(batcher, 0.05);
  batcher.suggest(2000);
  batcher.suggest(400);
  equal(batcher.batchS, BLOB_S);
});

test("a suggestion does not shorten what slow replies made long", () => {
  const batcher = new Batcher();
  answerAlways(batcher, 10);
  batcher.suggest(400);
  equal(batcher.batchS.toFixed(6), LONGEST_S.toFixed(6));
});

test("a server that suggests nothing takes back what another one suggested", () => {
  const batcher = new Batcher();
  answerAlways(batcher, 0.05);
  batcher.suggest(2000);
  batcher.suggest(undefined);
  equal(batcher.batchS, BLOB_S);
});
