/** A second device follows a recording: from its first word, until it ends. */

import { t, words } from "./i18n.js";
import { keys } from "./keys.js";
import { follow, Refused } from "./long-poll.js";
import { Transcript } from "./transcript.js";

/** @typedef {import("./status-view.js").StatusView} StatusView */
/** @typedef {"starting"|"watching"|"watch-trouble"|"watch-key"|"watch-ended"|"watch-gone"} State */

/** The folder of the page, with a slash at its end. */
const HOME = new URL("../../", import.meta.url).href;

/** What CSS and tests see on the page for each state. */
const PAGE_STATES = {
  starting: ["starting", "none"],
  watching: ["recording", "ok"],
  "watch-trouble": ["recording", "waiting"],
  "watch-key": ["starting", "waiting"],
  "watch-ended": ["finished", "none"],
  "watch-gone": ["failed", "none"],
};

/** Tells `gone` when there is nothing to follow, and `key-needed` (detail: the server's address). */
export class Watch extends EventTarget {
  /** @type {State} */
  #state = "starting";
  #leaving = new AbortController();

  /**
   * @param {string} watchId
   * @param {StatusView} status
   */
  constructor(watchId, status) {
    super();
    this.address = new URL(`watch/${encodeURIComponent(watchId)}`, HOME).href;
    this.status = status;
    this.transcript = new Transcript("watched");
    addEventListener("pagehide", () => this.#leaving.abort());
    addEventListener("pageshow", (event) => {
      if (event.persisted) void this.start();
    });
    words.addEventListener("change", () => this.#enter(this.#state));
  }

  async start() {
    if (this.#leaving.signal.aborted) this.#leaving = new AbortController();
    const { signal } = this.#leaving;
    this.#enter("starting");
    try {
      await follow(this.address, {
        signal,
        headers: keys.headers(HOME),
        onState: (state) => {
          this.transcript.language = state.language;
          this.transcript.append(state.segments);
          this.transcript.setPartial(state.final ? "" : state.partial, state.stable_chars);
          this.#enter("watching");
        },
        onAnswer: () => this.#enter("watching"),
        onTrouble: () => this.#enter("watch-trouble"),
      });
      if (!signal.aborted) this.#enter("watch-ended");
    } catch (problem) {
      if (!(problem instanceof Refused)) throw problem;
      this.#refused(problem);
    }
    this.transcript.setPartial("", 0);
  }

  /** @param {Refused} problem */
  #refused(problem) {
    if (problem.wantsKey) {
      this.#enter("watch-key");
      this.dispatchEvent(new CustomEvent("key-needed", { detail: HOME }));
    } else if (this.transcript.segments.length > 0) {
      this.#enter("watch-ended");
    } else {
      this.#enter("watch-gone");
      this.dispatchEvent(new Event("gone"));
    }
  }

  /** @param {State} state */
  #enter(state) {
    this.#state = state;
    const [page = "", connection = ""] = PAGE_STATES[state];
    document.body.dataset.state = page;
    document.body.dataset.connection = connection;
    this.status.setIdle(location.host, () => t(`status.${state}`));
  }
}
