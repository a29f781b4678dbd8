/** The panel for files: choosing or dropping one, both bars, cancelling, and the text of it. */

import { byId, setText } from "./dom.js";
import { clock, percent, t, words } from "./i18n.js";
import { Refused } from "./long-poll.js";
import { Transcript } from "./transcript.js";
import { NotSent, upload } from "./upload.js";

/** @typedef {import("./upload.js").Fields} Fields */
/** @typedef {import("./long-poll.js").SessionState} SessionState */
/** @typedef {"idle"|"sending"|"transcribing"|"done"|"cancelled"|"failed"} State */

/**
 * @typedef {object} Surroundings
 * @property {() => string} server address of the one to use
 * @property {() => Fields} fields
 * @property {() => number|undefined} limitMb
 */

/** Tells `show` (detail: a Transcript) and `problem` (detail: {code, detail, limit, server, again}). */
export class UploadPanel extends EventTarget {
  /** @type {AbortController|null} */
  #running = null;
  /** @type {Transcript|null} */
  #transcript = null;
  /** @type {State} */
  #state = "idle";

  /** @param {Surroundings} surroundings */
  constructor(surroundings) {
    super();
    this.surroundings = surroundings;
    this.file = byId("file", HTMLInputElement);
    this.progress = byId("upload-progress", HTMLElement);
    this.name = byId("upload-name", HTMLElement);
    this.sent = byId("upload-sent", HTMLProgressElement);
    this.sentText = byId("upload-sent-text", HTMLElement);
    this.heard = byId("upload-heard", HTMLProgressElement);
    this.heardText = byId("upload-heard-text", HTMLElement);
    this.line = byId("upload-state", HTMLElement);
    this.cancel = byId("upload-cancel", HTMLButtonElement);
    this.open = byId("upload-show", HTMLButtonElement);
    this.file.addEventListener("change", () => {
      const chosen = this.file.files?.[0];
      if (chosen) void this.transcribe(chosen);
      this.file.value = "";
    });
    this.cancel.addEventListener("click", () => this.#running?.abort());
    this.open.addEventListener("click", () => this.#show());
    words.addEventListener("change", () => this.#enter(this.#state));
    this.#acceptDrops();
  }

  /** @param {File} file */
  async transcribe(file) {
    this.#running?.abort();
    const limit = this.surroundings.limitMb();
    if (limit && file.size > limit * 1024 * 1024) {
      this.#tell("upload-too-large", file, { limit });
      return;
    }
    const running = new AbortController();
    this.#running = running;
    const server = this.surroundings.server();
    const transcript = new Transcript("file", { title: file.name });
    this.#transcript = transcript;
    this.#begin(file);
    try {
      await upload(file, server, this.surroundings.fields(), {
        signal: running.signal,
        onSent: (share) => this.#onSent(share),
        onState: (state) => this.#onState(transcript, state),
      });
      this.#enter("done");
    } catch (problem) {
      if (this.#running === running) this.#fail(problem, running.signal.aborted, file, server);
    }
  }

  /** @param {File} file */
  #begin(file) {
    this.progress.hidden = false;
    setText(this.name, file.name);
    this.sent.value = 0;
    this.heard.value = 0;
    setText(this.heardText, "");
    this.#onSent(0);
    this.#enter("sending");
    this.#show();
  }

  /** @param {number} share 0 to 1 */
  #onSent(share) {
    this.sent.value = share;
    setText(this.sentText, percent(share));
    if (share < 1) return;
    this.#enter("transcribing");
    this.heard.removeAttribute("value");
  }

  /**
   * @param {Transcript} transcript
   * @param {SessionState} state
   */
  #onState(transcript, state) {
    transcript.language = state.language;
    transcript.append(state.segments);
    transcript.setPartial(state.final ? "" : (state.partial ?? ""), state.stable_chars ?? 0);
    const { final = 0, silence = 0 } = state.audio_seconds ?? {};
    const whole = state.duration ?? (state.final ? final + silence : null);
    const heard = state.final ? (whole ?? 0) : final + silence;
    if (whole) {
      this.heard.value = state.final ? 1 : Math.min(1, heard / whole);
      setText(this.heardText, t("upload.heard", { heard: clock(heard), all: clock(whole) }));
    } else {
      setText(this.heardText, clock(heard));
    }
  }

  /**
   * @param {unknown} problem
   * @param {boolean} cancelled
   * @param {File} file
   * @param {string} server
   */
  #fail(problem, cancelled, file, server) {
    if (!this.heard.hasAttribute("value")) this.heard.value = 0;
    this.#enter(cancelled ? "cancelled" : "failed");
    if (cancelled) return;
    const detail = problem instanceof Error ? problem.message : "";
    if (problem instanceof NotSent) this.#tell("upload-network", file, {});
    else if (!(problem instanceof Refused)) throw problem;
    else if (problem.wantsKey) this.#tell("key-needed", file, { server });
    else this.#tell("upload-failed", file, { detail });
  }

  /**
   * @param {string} code
   * @param {File} file
   * @param {{detail?: string, limit?: number, server?: string}} values
   */
  #tell(code, file, values) {
    const again = () => void this.transcribe(file);
    this.dispatchEvent(new CustomEvent("problem", { detail: { code, again, ...values } }));
  }

  /** @param {State} state */
  #enter(state) {
    this.#state = state;
    document.body.dataset.upload = state;
    const busy = state === "sending" || state === "transcribing";
    this.cancel.hidden = !busy;
    this.open.hidden = !this.#transcript?.segments.length && !busy;
    setText(this.line, state === "idle" ? "" : t(`upload.state.${state}`));
  }

  #show() {
    this.dispatchEvent(new CustomEvent("show", { detail: this.#transcript }));
  }

  #acceptDrops() {
    addEventListener("dragover", (event) => {
      event.preventDefault();
      document.body.dataset.drop = "over";
    });
    addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) delete document.body.dataset.drop;
    });
    addEventListener("drop", (event) => {
      event.preventDefault();
      delete document.body.dataset.drop;
      const dropped = event.dataTransfer?.files[0];
      if (dropped && !this.file.disabled) void this.transcribe(dropped);
    });
  }
}
