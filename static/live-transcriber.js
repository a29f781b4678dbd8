/**
 * Live transcription in the browser, over plain HTTP:
 *
 *     import { LiveTranscriber } from "https://your.server/static/live-transcriber.js";
 *     const live = new LiveTranscriber({ language: "en" });
 *     live.addEventListener("final", ({ detail }) => show(detail.segments));
 *     live.addEventListener("partial", ({ detail }) => showTail(detail.text));
 *     await live.start();
 *     …
 *     const { text } = await live.stop();
 *
 * Every word is told once, whatever happens to servers and network on the way.
 */

import { Delivery } from "./client/delivery.js";
import { Input } from "./client/input.js";
import { forget, Journal, recordings } from "./client/journal.js";
import { ClientError } from "./client/problems.js";
import { Servers } from "./client/servers.js";
import { newId } from "./client/session.js";
import { Tape } from "./client/tape.js";
import { Transcript } from "./client/transcript.js";

/**
 * @typedef {import("./client/types.js").Options} Options
 * @typedef {import("./client/types.js").ServerAddress} ServerAddress
 * @typedef {import("./client/types.js").State} State
 * @typedef {import("./client/types.js").Status} Status
 */

/** The server that this module came from. */
const HOME = new URL("..", import.meta.url).href;

/**
 * One recording. Emits `final` {segments}, `partial` {text, stableChars}, `status` (Status),
 * `level` {rms, peak} and `error` (Problem); see client/types.js.
 */
export class LiveTranscriber extends EventTarget {
  #state = /** @type {State} */ ("idle");
  /** @type {Required<Options>} */
  #options;
  #servers;
  #input;
  /** @type {Delivery|null} */
  #delivery = null;
  #transcript = new Transcript();
  /** @type {string|null} */
  #recordingId = null;
  /** @type {Promise<void>|undefined} */
  #started;
  /** @type {Promise<void>|undefined} */
  #ended;
  #onVisibility = () => this.#tellStatus();

  /** @param {Options} [options] */
  constructor(options = {}) {
    super();
    this.#options = {
      servers: options.servers ?? [{ url: HOME }],
      language: options.language ?? "auto",
      task: options.task ?? "transcribe",
      prompt: options.prompt ?? "",
      hotwords: options.hotwords ?? "",
      source: options.source ?? "auto",
      deviceId: options.deviceId ?? "",
      keep: options.keep ?? true,
    };
    this.#servers = new Servers(this.#options.servers, HOME);
    this.#input = new Input(this.#options);
    this.#connectInput();
  }

  /** Recordings of this browser, newest first, finished and unfinished. */
  static recordings() {
    return recordings();
  }

  /**
   * Delete a recording of this browser.
   * @param {string} id
   */
  static forget(id) {
    return forget(id);
  }

  get transcript() {
    const { segments, partial, stableChars, text } = this.#transcript;
    return { segments: [...segments], partial, stableChars, text };
  }

  /** @returns {Status} */
  get status() {
    const delivery = this.#delivery;
    const session = delivery?.session ?? null;
    const server = session?.server ?? null;
    return {
      state: this.#state,
      connection: this.#connection(),
      server: server && { url: server.url, name: server.name },
      servers: this.#servers.list.map((one) => one.status),
      latencyMs: session?.roundTripS ? Math.round(1000 * session.roundTripS) : null,
      serverMs: session?.latest?.timing_ms?.total ?? null,
      elapsedS: delivery?.tape.endS ?? 0,
      pendingS: delivery?.pendingS ?? 0,
      batchS: delivery?.batcher.batchS ?? 0,
      inFlight: session?.inFlight ?? 0,
      language: delivery?.language ?? null,
      watchUrl: session?.watchId ? `${session.server.url}/?watch=${session.watchId}` : null,
      recordingId: this.#recordingId,
      source: this.#input.kind,
      background: document.hidden,
    };
  }

  /**
   * Open the microphone and record. What is said before a server answers is kept, not lost.
   * @throws {ClientError} there is no microphone to be had; also told as an `error`
   */
  async start() {
    this.#expectNew();
    this.#set("starting");
    this.#started = this.#begin();
    await this.#started;
  }

  async #begin() {
    try {
      await this.#input.open();
      this.#deliver(new Tape(), await this.#newJournal());
      await this.#input.start();
    } catch (error) {
      const problem = error instanceof ClientError ? error : new ClientError("unsupported", error);
      await this.#giveUp();
      this.#tell(problem, true);
      this.#set("failed");
      throw problem;
    }
    this.#set("recording");
  }

  /** Stop listening for a while; what was said is sent. */
  async pause() {
    if (this.#state !== "recording") return;
    this.#set("paused");
    await this.#input.pause();
    if (this.#is("paused")) this.#delivery?.flush(); // else it has gone on meanwhile
  }

  /**
   * Go on after `pause`, or after the microphone was lost.
   * @throws {ClientError} there is no microphone to go on with
   */
  async resume() {
    if (this.#state !== "paused") return;
    await this.#input.resume();
    if (!this.#is("paused")) return;
    this.#delivery?.flush(false);
    this.#set("recording");
  }

  /**
   * End the recording. Resolves when every word is final: as long as no server answers, it waits.
   * @returns {Promise<LiveTranscriber["transcript"]>}
   */
  async stop() {
    await this.#started?.catch(() => undefined);
    if (this.#state === "recording" || this.#state === "paused") {
      this.#set("stopping");
      this.#ended = this.#input.stop().then(() => this.#end());
    }
    await this.#ended;
    return this.transcript;
  }

  /**
   * Instead of `start`: send what a closed or crashed page left of a recording.
   * @param {string} recordingId see `recordings`
   * @returns {Promise<LiveTranscriber["transcript"]>}
   */
  async finish(recordingId) {
    this.#expectNew();
    const found = await Journal.takeOver(recordingId);
    if (!found) throw new Error("There is no such recording, or another page works on it.");
    const { journal, kept, segments } = found;
    this.#set("stopping");
    this.#transcript = new Transcript(segments);
    this.#deliver(new Tape(kept), journal);
    this.#ended = this.#end();
    await this.#ended;
    return this.transcript;
  }

  /**
   * Use another list of servers, or other keys, also while recording.
   * @param {ServerAddress[]} servers preferred first
   */
  setServers(servers) {
    this.#servers.replace(servers, HOME);
    this.#delivery?.tick();
    this.#tellStatus();
  }

  /**
   * Record with another microphone, also while recording.
   * @param {string} deviceId "" for the default one
   */
  async useDevice(deviceId) {
    await this.#input.useDevice(deviceId);
  }

  /** @param {State} state */
  #is(state) {
    return this.#state === state;
  }

  #expectNew() {
    if (this.#state !== "idle") throw new Error("A LiveTranscriber records once; make a new one.");
  }

  #connectInput() {
    /** @type {(type: string, handle: (detail: any) => void) => void} */
    const on = (type, handle) =>
      this.#input.addEventListener(type, (event) =>
        handle(/** @type {CustomEvent} */ (event).detail),
      );
    on("begin", (mimeType) => this.#delivery?.beginStream(mimeType));
    on("data", (data) => this.#delivery?.append(data));
    on("level", (level) => this.#emit("level", level));
    on("problem", (problem) => this.#tell(problem, false));
    on("stalled", () => {
      if (this.#state === "recording") this.#set("paused");
      this.#delivery?.flush();
    });
  }

  // -- delivering -----------------------------------------------------------------------------

  async #newJournal() {
    this.#recordingId = newId();
    if (!this.#options.keep) return null;
    const journal = new Journal({
      id: this.#recordingId,
      startedAt: Date.now(),
      finished: false,
      settledS: 0,
      durationS: 0,
      language: null,
      fields: this.#fields(),
      streams: [],
    });
    try {
      await journal.open();
      return journal;
    } catch (error) {
      this.#tell(new ClientError("storage-full", error), false);
      return null;
    }
  }

  /** @returns {Record<string, string>} what the first chunk of a session says */
  #fields() {
    const { language, task, prompt, hotwords } = this.#options;
    return {
      ...(language !== "auto" && { language }),
      ...(task !== "transcribe" && { task }),
      ...(prompt && { prompt }),
      ...(hotwords && { hotwords }),
    };
  }

  /**
   * @param {Tape} tape
   * @param {Journal|null} journal
   */
  #deliver(tape, journal) {
    this.#recordingId = journal?.entry.id ?? this.#recordingId;
    const fields = journal?.entry.fields ?? this.#fields();
    const transcript = this.#transcript;
    const delivery = new Delivery({ servers: this.#servers, tape, transcript, fields, journal });
    this.#delivery = delivery;
    delivery.addEventListener("final", (event) =>
      this.#emit("final", /** @type {CustomEvent} */ (event).detail),
    );
    delivery.addEventListener("partial", () => {
      const { partial, stableChars } = this.#transcript;
      this.#emit("partial", { text: partial, stableChars });
    });
    delivery.addEventListener("change", () => this.#tellStatus());
    delivery.addEventListener("problem", (event) =>
      this.#tell(/** @type {CustomEvent} */ (event).detail, false),
    );
    delivery.addEventListener("unusable", () => void this.#input.replaceRecorder());
    document.addEventListener("visibilitychange", this.#onVisibility);
    delivery.start();
  }

  /** A recording that never began leaves nothing behind. */
  async #giveUp() {
    await this.#input.stop();
    this.#delivery?.stop();
    document.removeEventListener("visibilitychange", this.#onVisibility);
    if (this.#delivery?.journal)
      await forget(this.#delivery.journal.entry.id).catch(() => undefined);
  }

  async #end() {
    await this.#delivery?.end();
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#set("finished");
  }

  // -- telling --------------------------------------------------------------------------------

  /** @returns {Status["connection"]} */
  #connection() {
    const delivery = this.#delivery;
    if (!delivery || this.#state === "finished" || this.#state === "failed") return "none";
    const server = delivery.session?.server;
    if (delivery.waiting || server?.isDown) return "waiting";
    if (!server) return "none";
    return server === this.#servers.list[0] ? "ok" : "switched";
  }

  /** @param {State} state */
  #set(state) {
    this.#state = state;
    this.#tellStatus();
  }

  #tellStatus() {
    this.#emit("status", this.status);
  }

  /**
   * @param {ClientError} error
   * @param {boolean} fatal
   */
  #tell(error, fatal) {
    this.#emit("error", error.toProblem(fatal));
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
