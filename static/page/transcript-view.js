/** The transcript on the page: final rows, and after them the words that may still change. */

import { byId, el } from "./dom.js";
import { clock, t, words } from "./i18n.js";
import { goesOn } from "./rows.js";

/** @typedef {import("../client/types.js").Segment} Segment */
/** @typedef {import("./transcript.js").Transcript} Transcript */

/** Nearer to the end than this, in pixels, the reader is taken to be following. */
const AT_END_PX = 40;

export class TranscriptView {
  /** @type {Transcript|null} */
  #shown = null;
  /** @type {Segment|undefined} */
  #last;
  #following = true;
  #listening = new AbortController();

  constructor() {
    this.scroller = byId("scroller", HTMLElement);
    this.final = byId("final", HTMLElement);
    this.partial = byId("partial", HTMLElement);
    this.empty = byId("empty", HTMLElement);
    this.toEnd = byId("to-end", HTMLButtonElement);
    this.scroller.addEventListener("scroll", () => this.#look(), { passive: true });
    this.toEnd.addEventListener("click", () => {
      this.#following = true;
      this.#follow();
      this.scroller.focus();
    });
    new ResizeObserver(() => this.#follow()).observe(this.scroller, { box: "content-box" });
    words.addEventListener("change", () => this.#drawTimes());
  }

  /** @param {Transcript} transcript */
  show(transcript) {
    this.#listening.abort();
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.#shown = transcript;
    this.#following = true;
    // What was said long ago is read when asked for; only what is appended from now on is announced.
    this.final.setAttribute("aria-live", "off");
    this.final.replaceChildren();
    this.#last = undefined;
    this.#append(transcript.segments);
    if (transcript.kind === "past") this.scroller.scrollTop = 0;
    else this.#announce(signal);
    transcript.addEventListener(
      "append",
      (event) => this.#append(/** @type {CustomEvent<Segment[]>} */ (event).detail),
      { signal },
    );
    transcript.addEventListener("partial", () => this.#drawPartial(), { signal });
  }

  /** @param {string} what to say while there are no words */
  setEmpty(what) {
    const line = this.empty.firstElementChild;
    if (line?.textContent === what) return;
    line?.replaceWith(el("p", { class: "empty-what" }, what));
  }

  /**
   * From the frame on after the one that draws the words of now: until then they would still be
   * told to screen readers as additions.
   *
   * @param {AbortSignal} signal aborted when another transcript is shown
   */
  #announce(signal) {
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        if (!signal.aborted) this.final.setAttribute("aria-live", "polite");
      }),
    );
  }

  /** @param {Segment[]} segments */
  #append(segments) {
    for (const segment of segments) {
      if (!segment.gap && this.#goesOn(segment.start)) {
        this.#openRow?.append(el("span", {}, segment.text));
      } else {
        this.final.append(row(segment));
      }
      this.#last = segment;
    }
    this.#drawPartial();
  }

  /** The text of the newest row. */
  get #openRow() {
    return this.final.lastElementChild?.querySelector("p");
  }

  /**
   * @param {number} start seconds
   * @returns {boolean} whether what begins there belongs to the newest row
   */
  #goesOn(start) {
    return goesOn(this.#last, start, this.#openRow?.textContent?.length ?? 0);
  }

  /**
   * The tail is made anew each time: a moved element would be a layout shift, a new one is none.
   */
  #drawPartial() {
    const transcript = this.#shown;
    if (!transcript) return;
    const { partial, stableChars, segments } = transcript;
    this.empty.hidden = Boolean(partial || segments.length);
    this.partial.replaceChildren();
    if (partial) {
      const stable = el("span", { class: "stable", "data-testid": "partial-stable" });
      const rest = el("span", { class: "rest", "data-testid": "partial-rest" });
      stable.textContent = partial.slice(0, stableChars);
      rest.textContent = partial.slice(stableChars);
      const start = segments.at(-1)?.end ?? 0;
      // Where the newest row goes on, there is no time to tell: an empty cell keeps its column.
      const time = this.#goesOn(start) ? el("span", {}) : stamp(start);
      const line = el("div", { class: "row-segment" }, time);
      line.append(el("p", { dir: "auto" }, stable, rest));
      this.partial.append(line);
    }
    this.#follow();
  }

  #drawTimes() {
    for (const time of this.scroller.querySelectorAll("time")) {
      time.dataset.clock = clock(Number(time.dataset.seconds));
    }
  }

  #follow() {
    if (this.#following) this.scroller.scrollTop = this.scroller.scrollHeight;
    this.#look();
  }

  #look() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    this.#following = scrollHeight - scrollTop - clientHeight < AT_END_PX;
    this.toEnd.hidden = this.#following;
  }
}

/** @param {Segment} segment */
function row(segment) {
  const text = el("p", { dir: "auto" });
  text.textContent = segment.text;
  const line = el("div", { class: "row-segment" }, stamp(segment.start), text);
  if (segment.gap) {
    line.classList.add("gap");
    text.title = t("transcript.gap");
  }
  return line;
}

/**
 * The digits are drawn by the style sheet, so that text selected by hand is the words alone.
 *
 * @param {number} start seconds
 */
function stamp(start) {
  const time = el("time", { datetime: `PT${start.toFixed(2)}S` });
  time.dataset.seconds = String(start);
  time.dataset.clock = clock(start);
  return time;
}
