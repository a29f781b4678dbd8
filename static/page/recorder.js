/** The recording under way, from the page's side: start, pause, stop, finish, and what they show. */

import { LiveTranscriber } from "../live-transcriber.js";
import { byId, setText } from "./dom.js";
import { t, words } from "./i18n.js";
import { keys } from "./keys.js";
import { Transcript } from "./transcript.js";

/** @typedef {import("../client/types.js").Status} Status */
/** @typedef {import("../client/types.js").State} State */
/** @typedef {import("../client/types.js").Problem} Problem */
/** @typedef {import("../client/types.js").RecordingInfo} RecordingInfo */
/** @typedef {import("./options.js").Options} Options */
/** @typedef {import("./server-list.js").ServerList} ServerList */

const RUNNING = new Set(["starting", "recording", "paused", "stopping"]);

/**
 * Tells `begin` (detail: Transcript), `status` (Status), `level` and `problem` (Problem), and `end`
 * when a recording is over, well or not.
 */
export class Recorder extends EventTarget {
  /** @type {LiveTranscriber|null} */
  #live = null;
  /** Asked for while starting, so that it stops as soon as it has started. */
  #stopAsked = false;
  /** @type {string|null} */
  #recordingId = null;
  /** @type {State} */
  state = "idle";
  /** @type {Transcript|null} */
  transcript = null;

  /**
   * @param {Options} options
   * @param {ServerList} servers
   */
  constructor(options, servers) {
    super();
    this.options = options;
    this.servers = servers;
    this.record = byId("record", HTMLButtonElement);
    this.recordText = byId("record-text", HTMLElement);
    this.pauseButton = byId("pause", HTMLButtonElement);
    this.pauseText = byId("pause-text", HTMLElement);
    this.record.addEventListener("click", () => this.toggle());
    this.pauseButton.addEventListener("click", () => void this.pauseOrResume());
    const learn = () => this.#live?.setServers(this.#addresses);
    servers.addEventListener("change", learn);
    keys.addEventListener("change", learn);
    options.addEventListener("device", () => {
      void this.#live?.useDevice(options.choices.deviceId);
    });
    words.addEventListener("change", () => this.#draw());
    this.#draw();
  }

  /** Whether sound is being taken, or could be again in a moment. */
  get running() {
    return RUNNING.has(this.state);
  }

  /** The id of the recording that is being recorded or finished now. */
  get busyId() {
    return this.running ? this.#recordingId : null;
  }

  get #addresses() {
    return this.servers.servers.map((server) => ({ ...server, key: keys.of(server.url) }));
  }

  /** Start, or stop what runs. */
  toggle() {
    if (!this.running) void this.start();
    else if (!this.#ending) this.#stop();
  }

  get #ending() {
    return this.state === "stopping" || (this.state === "starting" && this.#stopAsked);
  }

  #stop() {
    this.#stopAsked = true;
    this.#draw();
    // A start that fails comes as an `error` event, and is shown from there.
    this.#live?.stop().catch(() => {});
  }

  async start() {
    if (this.running) return;
    const live = this.#begin(new Transcript("live"));
    // A failure comes as an `error` event as well, and is shown from there.
    await live.start().catch(() => {});
    void this.options.listMicrophones();
  }

  async pauseOrResume() {
    const live = this.#live;
    if (this.state === "recording") await live?.pause();
    else if (this.state === "paused") await live?.resume().catch((problem) => this.#tell(problem));
  }

  /** After a problem: go on with what waits, or start anew. */
  async again() {
    if (this.state === "paused") await this.pauseOrResume();
    else await this.start();
  }

  /**
   * Transcribe what a closed or crashed page left behind.
   *
   * @param {RecordingInfo} info
   */
  async finish(info) {
    if (this.running) return;
    const { startedAt, segments } = info;
    const live = this.#begin(new Transcript("live", { startedAt, segments }));
    // At once, not only when it has been found: a second press must not begin anew.
    this.#onStatus({ ...live.status, state: "stopping", recordingId: info.id });
    try {
      await live.finish(info.id);
    } catch (problem) {
      this.#tell(problem);
      this.#onStatus({ ...live.status, state: "failed" });
    }
  }

  /** @param {Transcript} transcript */
  #begin(transcript) {
    const live = new LiveTranscriber({ ...this.options.choices, servers: this.#addresses });
    this.#live = live;
    this.#stopAsked = false;
    this.#recordingId = null;
    this.transcript = transcript;
    this.dispatchEvent(new CustomEvent("begin", { detail: transcript }));
    /** @type {(type: string, handle: (detail: any) => void) => void} */
    const on = (type, handle) =>
      live.addEventListener(type, (event) => handle(/** @type {CustomEvent} */ (event).detail));
    on("status", (/** @type {Status} */ status) => this.#onStatus(status));
    on("final", ({ segments }) => transcript.append(segments));
    on("partial", ({ text, stableChars }) => transcript.setPartial(text, stableChars));
    on("level", (detail) => this.dispatchEvent(new CustomEvent("level", { detail })));
    on("error", (detail) => this.dispatchEvent(new CustomEvent("problem", { detail })));
    return live;
  }

  /** @param {Status} status */
  #onStatus(status) {
    const was = this.state;
    this.state = status.state;
    this.#recordingId = status.recordingId ?? this.#recordingId;
    if (this.transcript) this.transcript.language = status.language;
    if (was !== this.state) this.#draw();
    this.dispatchEvent(new CustomEvent("status", { detail: status }));
    const over = this.state === "finished" || this.state === "failed";
    if (over && was !== this.state) {
      this.transcript?.setPartial("", 0);
      this.dispatchEvent(new Event("end"));
    }
  }

  /** @param {unknown} problem */
  #tell(problem) {
    const { code, message } = /** @type {{code?: string, message?: string}} */ (problem);
    const detail = {
      code: code ?? "unknown",
      message: message ?? "",
      detail: message ?? "",
      fatal: false,
    };
    this.dispatchEvent(new CustomEvent("problem", { detail }));
  }

  #draw() {
    const { state } = this;
    const on = state === "recording" || state === "paused";
    const word = this.#word(on);
    setText(this.recordText, t(word));
    this.record.setAttribute("aria-label", t(on ? "record.pressed" : word));
    this.record.setAttribute("aria-pressed", String(on));
    this.record.setAttribute("aria-disabled", String(this.#ending));
    this.pauseButton.disabled = !on;
    this.pauseButton.setAttribute("aria-pressed", String(state === "paused"));
    setText(this.pauseText, t(state === "paused" ? "pause.resume" : "pause"));
    this.options.setFixed(this.running);
  }

  /** @param {boolean} on */
  #word(on) {
    if (on) return "record.stop";
    if (this.#ending) return "record.stopping";
    return this.state === "starting" ? "record.starting" : "record";
  }
}
