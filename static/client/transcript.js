/**
 * The text of a recording, over all the sessions that it went through.
 *
 * @typedef {import("./types.js").Segment} Segment
 * @typedef {import("./types.js").ChunkReply} ChunkReply
 */

/** Scripts that put no space between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]$/u;

/** Times have two digits. */
const ROUNDING_S = 0.01;

export class Transcript {
  /** @type {Segment[]} */
  segments = [];
  partial = "";
  stableChars = 0;

  /** @param {Segment[]} [segments] what is final already */
  constructor(segments = []) {
    this.segments = segments;
  }

  get text() {
    return joined(this.segments);
  }

  /**
   * Add final segments of a session.
   * @param {Segment[]} segments with the session's own ids and times
   * @param {number} startS when the session began, in the recording
   * @returns {Segment[]} the same, as they are in the whole
   */
  add(segments, startS) {
    const known = this.segments.length;
    for (const segment of segments) {
      this.segments.push({
        ...segment,
        id: this.segments.length,
        start: later(segment.start, startS),
        end: later(segment.end, startS),
        text: this.#spaced(segment.text),
        ...(segment.words && { words: segment.words.map((word) => laterWord(word, startS)) }),
      });
    }
    return this.segments.slice(known);
  }

  /**
   * @param {string} text
   * @param {number} stableChars
   * @returns {boolean} whether it differs from what was shown
   */
  show(text, stableChars) {
    const shown = this.#spaced(text);
    const stable = stableChars && stableChars + shown.length - text.length;
    if (shown === this.partial && stable === this.stableChars) return false;
    this.partial = shown;
    this.stableChars = stable;
    return true;
  }

  /**
   * The last final words within a stretch of the recording, without a gap in or after them.
   * @param {number} fromS
   * @param {number} toS
   * @returns {{text: string, startS: number}|null}
   */
  said(fromS, toS) {
    const gap = this.segments.findLastIndex((segment) => segment.gap);
    const said = this.segments
      .slice(gap + 1)
      .filter(({ end }) => end > fromS && end <= toS + ROUNDING_S)
      .flatMap((segment) => (segment.start >= fromS ? segment : lastWords(segment, fromS)));
    const first = said[0];
    return first ? { text: joined(said), startS: first.start } : null;
  }

  /**
   * Segments come without the space that joins them to the text before.
   * @param {string} text
   */
  #spaced(text) {
    const before = this.segments.at(-1)?.text;
    if (!before || !text || /^\s/.test(text) || UNSPACED.test(before)) return text;
    return ` ${text}`;
  }
}

/**
 * The end of a segment's text from some time on, where its words have times.
 * @param {Segment} segment
 * @param {number} fromS
 * @returns {{text: string, start: number}[]}
 */
function lastWords({ text, words = [] }, fromS) {
  let at = 0;
  for (const { word, start } of words) {
    at = text.indexOf(word, at);
    if (at < 0) return [];
    if (start >= fromS) return [{ text: text.slice(at), start }];
    at += word.length;
  }
  return [];
}

/** @param {{text: string}[]} segments */
function joined(segments) {
  return segments
    .map((segment) => segment.text)
    .join("")
    .trim();
}

/**
 * @param {import("./types.js").Word} word
 * @param {number} byS
 */
function laterWord(word, byS) {
  return { ...word, start: later(word.start, byS), end: later(word.end, byS) };
}

/**
 * @param {number} timeS
 * @param {number} byS
 */
function later(timeS, byS) {
  return Math.round(100 * (timeS + byS)) / 100;
}
