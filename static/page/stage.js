/** Which transcript is on the page, and the way back to the one being recorded. */

import { byId, setText } from "./dom.js";
import { dateTime, languageName, t, words } from "./i18n.js";
import { Toolbar } from "./toolbar.js";
import { Transcript } from "./transcript.js";
import { TranscriptView } from "./transcript-view.js";

export class Stage {
  /** @type {Transcript} */
  #shown = new Transcript("live");
  /** @type {Transcript|null} */
  #live = null;
  #state = "idle";

  constructor() {
    this.view = new TranscriptView();
    this.toolbar = new Toolbar();
    this.bar = byId("shown-name", HTMLElement);
    this.title = byId("shown-title", HTMLElement);
    this.heard = byId("heard", HTMLElement);
    this.back = byId("back-to-live", HTMLButtonElement);
    this.back.addEventListener("click", () => this.show(this.#live));
    words.addEventListener("change", () => this.#draw());
    this.show(this.#shown);
  }

  /** @param {Transcript|null} transcript */
  show(transcript) {
    if (!transcript) return;
    if (transcript.kind === "live") this.#live = transcript;
    this.#shown = transcript;
    this.view.show(transcript);
    this.toolbar.show(transcript);
    this.#draw();
  }

  /** @param {string} state of the recorder */
  setState(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.#draw();
  }

  /** The language that the recording is heard in is told once it is known. */
  drawLanguage() {
    const { language } = this.#shown;
    setText(this.heard, language ? t("heard", { language: languageName(language) }) : "");
  }

  #draw() {
    const { kind, title, startedAt } = this.#shown;
    this.bar.hidden = kind === "live" || kind === "watched";
    setText(this.title, kind === "past" ? dateTime(startedAt) : title);
    this.back.hidden = !this.#live;
    setText(this.back, t(this.#state === "idle" ? "close" : "shown.back"));
    this.view.setEmpty(this.#empty(kind));
    document.body.dataset.shown = kind;
    this.drawLanguage();
  }

  /** @param {import("./transcript.js").Kind} kind */
  #empty(kind) {
    if (kind === "watched") return t("empty.watch");
    if (kind === "file") return t("empty.upload");
    if (kind === "past" || this.#state === "finished") return t("empty.nothing");
    return t(["recording", "paused"].includes(this.#state) ? "empty.recording" : "empty.what");
  }
}
