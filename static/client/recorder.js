/**
 * The browser's MediaRecorder as a source: compressed sound in blobs of 0.4 s.
 *
 * A source emits `data` with {bytes, seconds}, in order, and `broken` if nothing comes.
 *
 * @typedef {{bytes: Uint8Array<ArrayBuffer>, seconds: number}} SourceData
 *
 * @typedef {object} Source
 * @property {"mediarecorder"|"pcm"} kind
 * @property {string} mimeType known once it has started
 * @property {(stream: MediaStream) => Promise<void>} start
 * @property {() => Promise<void>} pause resolves when everything up to now has been emitted
 * @property {() => void} resume
 * @property {() => Promise<void>} stop resolves when everything has been emitted
 */

import { BLOB_S } from "./batcher.js";

/** Best first: Chrome and Firefox record webm, Safari mp4. */
const TYPES = [
  "audio/webm;codecs=opus",
  "audio/mp4;codecs=mp4a.40.2",
  "audio/mp4;codecs=opus",
  "audio/webm",
  "audio/mp4",
];
const BITS_PER_S = 32_000;
/** A recorder that has given nothing by then never will. */
const SILENT_MS = 4_000;

/** @returns {string|null} the best container that this browser records, null if it has none */
export function recorderType() {
  if (typeof MediaRecorder === "undefined") return null;
  return TYPES.find((type) => MediaRecorder.isTypeSupported(type)) ?? null;
}

/** @implements {Source} */
export class Recorder extends EventTarget {
  kind = /** @type {const} */ ("mediarecorder");
  mimeType = recorderType() ?? "";
  /** @type {MediaRecorder|null} */
  #recorder = null;
  /** Blobs are read one after the other, so that their order stays. */
  #reading = Promise.resolve();
  #sinceMs = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #watchdog;

  /** @param {MediaStream} stream */
  async start(stream) {
    const recorder = new MediaRecorder(stream, {
      mimeType: this.mimeType,
      audioBitsPerSecond: BITS_PER_S,
    });
    this.#recorder = recorder;
    recorder.addEventListener("dataavailable", ({ data }) => this.#take(data));
    recorder.addEventListener("error", () => this.#broken());
    recorder.start(1000 * BLOB_S);
    this.#sinceMs = performance.now();
    this.#watchdog = setTimeout(() => this.#broken(), SILENT_MS);
  }

  async pause() {
    const recorder = this.#recorder;
    if (recorder?.state !== "recording") return;
    const flushed = new Promise((resolve) => {
      recorder.addEventListener("dataavailable", resolve, { once: true });
    });
    recorder.requestData();
    recorder.pause();
    await flushed;
    await this.#reading;
  }

  resume() {
    if (this.#recorder?.state !== "paused") return;
    this.#recorder.resume();
    this.#sinceMs = performance.now();
  }

  async stop() {
    clearTimeout(this.#watchdog);
    const recorder = this.#recorder;
    if (recorder && recorder.state !== "inactive") {
      const stopped = new Promise((resolve) => {
        recorder.addEventListener("stop", resolve, { once: true });
      });
      recorder.stop();
      await stopped;
    }
    await this.#reading;
  }

  /** @param {Blob} blob */
  #take(blob) {
    const now = performance.now();
    if (blob.size === 0) return;
    clearTimeout(this.#watchdog);
    const seconds = (now - this.#sinceMs) / 1000;
    this.#sinceMs = now;
    this.#reading = this.#reading.then(async () => {
      const bytes = new Uint8Array(await blob.arrayBuffer());
      this.dispatchEvent(new CustomEvent("data", { detail: { bytes, seconds } }));
    });
  }

  #broken() {
    clearTimeout(this.#watchdog);
    this.dispatchEvent(new Event("broken"));
  }
}
