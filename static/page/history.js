/** Past recordings of this browser: open, copy, download, delete, finish. */

import { LiveTranscriber } from "../live-transcriber.js";
import { button, byId, el, icon, setText } from "./dom.js";
import { copy, download } from "./downloads.js";
import { clock, dateTime, t, words } from "./i18n.js";
import { Transcript } from "./transcript.js";

/** @typedef {import("../client/types.js").RecordingInfo} RecordingInfo */

/** How long "Delete for good?" waits for an answer. */
const SURE_MS = 4000;
const THANKS_MS = 2000;

/** Tells `open` (detail: Transcript), `finish` and `deleted` (detail: RecordingInfo). */
export class History extends EventTarget {
  /** @type {RecordingInfo[]} */
  #recordings = [];
  /** @type {string|null} */
  #busyId = null;

  constructor() {
    super();
    this.rows = byId("recordings", HTMLElement);
    this.count = byId("recordings-count", HTMLElement);
    words.addEventListener("change", () => this.#draw());
  }

  /** @returns {Promise<RecordingInfo[]>} newest first */
  async load() {
    // A browser that keeps nothing has no past; it says so when a recording can't be kept.
    this.#recordings = await LiveTranscriber.recordings().catch(() => []);
    this.#draw();
    return this.#recordings;
  }

  /** @param {string|null} id of the recording being recorded or finished now, which is let alone */
  setBusy(id) {
    if (id === this.#busyId) return;
    this.#busyId = id;
    this.#draw();
  }

  /** @param {RecordingInfo} info */
  async delete(info) {
    if (info.id === this.#busyId) return;
    await LiveTranscriber.forget(info.id);
    this.dispatchEvent(new CustomEvent("deleted", { detail: info }));
    await this.load();
  }

  #draw() {
    const n = this.#recordings.length;
    setText(this.count, n ? t("recordings.count", { n }) : "");
    const none = el("li", { class: "hint" }, t("recordings.none"));
    this.rows.replaceChildren(...(n ? this.#recordings.map((info) => this.#row(info)) : [none]));
  }

  /** @param {RecordingInfo} info */
  #row(info) {
    const title = info.title || t("recording.untitled");
    const open = button({ label: "", run: () => this.#tell("open", transcriptOf(info)) });
    open.className = "recording-open";
    open.setAttribute("aria-label", t("recording.open", { title }));
    const about = el("small", {}, `${dateTime(info.startedAt)} · ${clock(info.durationS)}`);
    open.append(el("span", { class: "recording-title", dir: "auto" }, title), about);
    const row = el("li", { "data-testid": "recording", "data-id": info.id }, open);
    if (info.state === "unfinished") {
      about.append(" · ", el("em", {}, t("recording.unfinished")));
      row.append(this.#finishButton(info));
    } else {
      row.append(this.#copyButton(info, title), this.#downloadButton(info, title));
    }
    row.append(this.#deleteButton(info, title));
    return row;
  }

  /**
   * @param {RecordingInfo} info
   * @param {string} title
   */
  #copyButton(info, title) {
    const made = button({
      label: t("recording.copy", { title }),
      icon: "copy",
      testid: "recording-copy",
      run: async () => {
        const worked = await copy(transcriptOf(info).text);
        made.replaceChildren(icon(worked ? "done" : "close"));
        setTimeout(() => made.replaceChildren(icon("copy")), THANKS_MS);
      },
    });
    return made;
  }

  /**
   * @param {RecordingInfo} info
   * @param {string} title
   */
  #downloadButton(info, title) {
    const label = t("recording.download", { title });
    const run = () => download(transcriptOf(info), "txt");
    return button({ label, icon: "download", testid: "recording-download", run });
  }

  /** @param {RecordingInfo} info */
  #finishButton(info) {
    const made = button({
      label: t("recording.finish"),
      testid: "recording-finish",
      run: () => this.#tell("finish", info),
    });
    made.disabled = info.id === this.#busyId;
    return made;
  }

  /**
   * The first press asks, the second one deletes.
   *
   * @param {RecordingInfo} info
   * @param {string} title
   */
  #deleteButton(info, title) {
    const label = t("recording.delete", { title });
    const made = button({
      label,
      icon: "remove",
      testid: "recording-delete",
      run: () => {
        if (made.classList.contains("sure")) {
          void this.delete(info);
          return;
        }
        made.classList.add("sure");
        made.replaceChildren(t("recording.delete-sure"));
        made.setAttribute("aria-label", `${t("recording.delete-sure")} ${title}`);
        setTimeout(() => {
          made.classList.remove("sure");
          made.replaceChildren(icon("remove"));
          made.setAttribute("aria-label", label);
        }, SURE_MS);
      },
    });
    made.disabled = info.id === this.#busyId;
    return made;
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** @param {RecordingInfo} info */
function transcriptOf(info) {
  const { title, startedAt, segments, language } = info;
  const transcript = new Transcript("past", { title, startedAt, segments });
  transcript.language = language;
  return transcript;
}
