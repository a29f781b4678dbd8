/** Where the transcript on the page begins a new row: words become final within sentences too. */

/** @typedef {import("../client/types.js").Segment} Segment */

const ENDED = /[.?!…؟۔。！？।]["'”»)\]]*\s*$/u;
/** Seconds of silence after which a row begins though no sentence has ended. */
const PAUSE_S = 1;
/** A row that is as long as this goes on no more: some models write no marks. */
const LONG_CHARS = 300;

/**
 * @param {Segment|undefined} previous the last segment of the row
 * @param {number} start seconds, of what comes next
 * @param {number} chars length of the row so far
 * @returns {boolean} whether what comes next belongs to the same row
 */
export function goesOn(previous, start, chars) {
  if (!previous || previous.gap || chars >= LONG_CHARS) return false;
  return start - previous.end < PAUSE_S && !ENDED.test(previous.text);
}
