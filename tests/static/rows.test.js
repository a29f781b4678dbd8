import { equal } from "node:assert/strict";
import { test } from "node:test";
import { goesOn } from "../../static/page/rows.js";

/** @param {string} text @param {boolean} [gap] */
function segment(text, gap = false) {
  return { id: 0, start: 0, end: 2, text, gap, confidence: 1, words: [] };
}

test("a segment that ends within a sentence shares its row with the next", () => {
  equal(goesOn(segment(" What your country can"), 2.3, 22), true);
  equal(goesOn(segment(" well,"), 2, 6), true);
});

test("a sentence ends its row, in any script", () => {
  for (const text of [" Yes.", " Да!", " نعم؟", "好。", ' "Yes."', " (No.) "]) {
    equal(goesOn(segment(text), 2, text.length), false, text);
  }
});

test("so do a pause, a gap, and very many words without any mark", () => {
  equal(goesOn(segment(" and"), 3.1, 4), false);
  equal(goesOn(segment("[…]", true), 2, 3), false);
  equal(goesOn(segment(" and"), 2, 300), false);
});

test("the first segment begins a row", () => {
  equal(goesOn(undefined, 0, 0), false);
});
