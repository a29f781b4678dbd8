/** One transcript, wherever it comes from: a recording, a file, a watched session, the past. */

/** @typedef {import("../client/types.js").Segment} Segment */
/** @typedef {"live"|"file"|"watched"|"past"} Kind */

/** Tells `append` (detail: the new segments) and `partial`. */
export class Transcript extends EventTarget {
  /**
   * @param {Kind} kind
   * @param {{title?: string, startedAt?: number, segments?: Segment[]}} [about]
   */
  constructor(kind, about = {}) {
    super();
    this.kind = kind;
    this.title = about.title ?? "";
    this.startedAt = about.startedAt ?? Date.now();
    /** @type {string|null} */
    this.language = null;
    /** @type {Segment[]} */
    this.segments = [];
    this.partial = "";
    this.stableChars = 0;
    this.append(about.segments ?? []);
  }

  /** The final words as one text. */
  get text() {
    return this.segments
      .map((segment) => segment.text)
      .join("")
      .trim();
  }

  /** @param {Segment[]} segments those that are known already are left out */
  append(segments) {
    const last = this.segments.at(-1)?.id ?? -1;
    const fresh = segments.filter((segment) => segment.id > last);
    if (!fresh.length) return;
    for (const segment of fresh) this.segments.push(this.#spaced(segment));
    const detail = this.segments.slice(-fresh.length);
    this.dispatchEvent(new CustomEvent("append", { detail }));
  }

  /**
   * @param {string} text
   * @param {number} stableChars of its characters will most likely stay
   */
  setPartial(text, stableChars) {
    if (text === this.partial && stableChars === this.stableChars) return;
    this.partial = text;
    this.stableChars = stableChars;
    this.dispatchEvent(new Event("partial"));
  }

  /**
   * The service's segments come without the space that joins them.
   *
   * @param {Segment} segment
   * @returns {Segment}
   */
  #spaced(segment) {
    const joined = this.segments.length === 0 || /^\s/u.test(segment.text);
    return joined ? segment : { ...segment, text: ` ${segment.text}` };
  }
}
