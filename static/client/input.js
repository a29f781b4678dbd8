/**
 * The microphone and the recorder on it. Changes come one after the other, whatever the user, the
 * browser and the device do at the same time: two recorders at once would mix their bytes.
 */

import { Microphone } from "./microphone.js";
import { PcmRecorder } from "./pcm-recorder.js";
import { ClientError } from "./problems.js";
import { Recorder, recorderType } from "./recorder.js";

/** @typedef {Recorder|PcmRecorder} Source */

/**
 * Emits `begin` (the media type of the bytes that follow), `data` {bytes, seconds}, `level`
 * {rms, peak}, `problem` (a ClientError), and `stalled` when it can't go on: `resume` tries again.
 */
export class Input extends EventTarget {
  /** @type {"idle"|"recording"|"paused"|"over"} */
  #state = "idle";
  /** @type {Microphone|null} */
  #microphone = null;
  /** @type {Source|null} */
  #source = null;
  /** @type {Promise<unknown>} */
  #turn = Promise.resolve();
  #usesPcm;
  #deviceId;

  /** @param {{source: "auto"|"mediarecorder"|"pcm", deviceId: string}} options */
  constructor({ source, deviceId }) {
    super();
    this.#deviceId = deviceId;
    this.#usesPcm = source === "pcm" || recorderType() === null;
  }

  /** @returns {"mediarecorder"|"pcm"|null} */
  get kind() {
    return this.#source?.kind ?? null;
  }

  /**
   * Open the microphone.
   * @throws {ClientError} why there is none
   */
  open() {
    return this.#inTurn(async () => {
      this.#microphone = await this.#opened();
    });
  }

  /** Begin to record with the microphone that was opened. */
  start() {
    return this.#inTurn(async () => {
      await this.#record();
      this.#state = "recording";
    });
  }

  /** Resolves when everything up to now has been emitted. */
  pause() {
    return this.#inTurn(async () => {
      if (this.#state !== "recording") return;
      this.#state = "paused";
      await this.#source?.pause();
    });
  }

  /** @throws {ClientError} there is no microphone to go on with */
  resume() {
    return this.#inTurn(async () => {
      if (this.#state !== "paused") return;
      if (this.#source) {
        this.#source.resume();
      } else {
        this.#microphone = await this.#opened();
        await this.#record();
      }
      this.#state = "recording";
    });
  }

  /** Let the microphone go. Resolves when everything has been emitted. */
  stop() {
    return this.#inTurn(async () => {
      this.#state = "over";
      await this.#close();
    });
  }

  /** @param {string} deviceId "" for the default one */
  useDevice(deviceId) {
    return this.#inTurn(async () => {
      this.#deviceId = deviceId;
      if (this.#state === "paused") await this.#close();
      if (this.#state !== "recording") return;
      try {
        await this.#changeTo(await this.#opened());
      } catch (error) {
        this.#tell(error); // the one in use goes on
      }
    });
  }

  /** What the recorder makes is of no use: send raw sound instead. */
  replaceRecorder(source = this.#source) {
    return this.#inTurn(async () => {
      if (source?.kind !== "mediarecorder" || source !== this.#source) return;
      this.#usesPcm = true;
      this.#tell(new ClientError("recorder-broken"));
      await source.stop();
      this.#source = null;
      if (this.#state === "recording") await this.#record().catch((error) => this.#stall(error));
    });
  }

  /**
   * A microphone that goes away is replaced by another at once, if there is one.
   * @param {Microphone} microphone
   */
  #lost(microphone) {
    return this.#inTurn(async () => {
      if (microphone !== this.#microphone) return;
      this.#tell(new ClientError("microphone-lost"));
      this.#deviceId = "";
      if (this.#state === "paused") await this.#close();
      if (this.#state !== "recording") return;
      await this.#opened()
        .then((next) => this.#changeTo(next))
        .catch((error) => this.#stall(error));
    });
  }

  /**
   * @param {() => Promise<void>} change
   * @returns {Promise<void>}
   */
  #inTurn(change) {
    const done = this.#turn.then(change);
    this.#turn = done.catch(() => undefined);
    return done;
  }

  async #opened() {
    const microphone = new Microphone();
    microphone.addEventListener("lost", () => void this.#lost(microphone));
    microphone.addEventListener("level", (event) => {
      const isRecording = this.#state === "recording" && microphone === this.#microphone;
      if (isRecording) this.#emit("level", /** @type {CustomEvent} */ (event).detail);
    });
    await microphone.open(this.#deviceId);
    return microphone;
  }

  /**
   * The next microphone is open before the last one is let go, so that few words are missed.
   * @param {Microphone} next
   */
  async #changeTo(next) {
    await this.#close();
    this.#microphone = next;
    await this.#record();
  }

  async #record() {
    try {
      if (!this.#usesPcm) {
        await this.#listen(new Recorder());
        return;
      }
    } catch {
      this.#usesPcm = true;
    }
    try {
      await this.#listen(new PcmRecorder());
    } catch (error) {
      await this.#close();
      throw new ClientError("unsupported", error);
    }
  }

  /** @param {Source} source */
  async #listen(source) {
    const stream = this.#microphone?.stream;
    if (!stream) throw new ClientError("microphone-lost");
    let begun = false;
    this.#source = source;
    source.addEventListener("data", (event) => {
      if (source !== this.#source) return;
      // Only now the container is known for sure.
      if (!begun) this.#emit("begin", source.mimeType);
      begun = true;
      this.#emit("data", /** @type {CustomEvent} */ (event).detail);
    });
    source.addEventListener("broken", () => void this.replaceRecorder(source));
    await source.start(stream);
  }

  async #close() {
    await this.#source?.stop();
    this.#microphone?.close();
    this.#source = this.#microphone = null;
  }

  /** @param {unknown} error */
  async #stall(error) {
    await this.#close();
    this.#state = "paused";
    this.#tell(error);
    this.#emit("stalled");
  }

  /** @param {unknown} error */
  #tell(error) {
    const known = error instanceof ClientError ? error : new ClientError("no-microphone", error);
    this.#emit("problem", known);
  }

  /**
   * @param {string} type
   * @param {unknown} [detail]
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
