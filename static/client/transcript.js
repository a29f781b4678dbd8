/**
 * The text of a recording, over all the sessions that it went through.
 *
 * @typedef {import("./types.js").Segment} Segment
 * @typedef {import("./types.js").ChunkReply} ChunkReply
 */

/** Scripts that put no space between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]$/u;

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
    return this.segments
      .map((segment) => segment.text)
      .join("")
      .trim();
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
