/** The microphone: opened with clear errors, watched for being unplugged, and measured. */

import { ClientError } from "./problems.js";

const LEVEL_EVERY_MS = 50;

/** @type {Record<string, import("./problems.js").ProblemCode>} */
const CODES = {
  NotAllowedError: "permission-denied",
  SecurityError: "permission-denied",
  NotFoundError: "no-microphone",
  OverconstrainedError: "no-microphone",
  NotReadableError: "microphone-busy",
  AbortError: "microphone-busy",
};

/** Emits `lost` when the device goes away, and `level` with {rms, peak} twenty times a second. */
export class Microphone extends EventTarget {
  /** @type {MediaStream|null} */
  stream = null;
  /** @type {AudioContext|null} */
  #context = null;
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #timer;

  /**
   * @param {string} deviceId "" for the default one; one that is gone gives way to the default
   * @throws {ClientError} why there is none
   */
  async open(deviceId) {
    if (!globalThis.isSecureContext) throw new ClientError("insecure-origin");
    if (!navigator.mediaDevices?.getUserMedia) throw new ClientError("unsupported");
    const stream = await ask(deviceId);
    this.stream = stream;
    for (const track of stream.getAudioTracks()) {
      track.addEventListener("ended", () => {
        if (this.stream === stream) this.dispatchEvent(new Event("lost"));
      });
    }
    await this.#measure(stream);
    return stream;
  }

  close() {
    const { stream } = this;
    this.stream = null;
    clearInterval(this.#timer);
    void this.#context?.close();
    this.#context = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
  }

  /** @param {MediaStream} stream */
  async #measure(stream) {
    const context = new AudioContext();
    this.#context = context;
    const analyser = new AnalyserNode(context, { fftSize: 2048 });
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      if (document.hidden) return;
      analyser.getFloatTimeDomainData(samples);
      this.dispatchEvent(new CustomEvent("level", { detail: level(samples) }));
    }, LEVEL_EVERY_MS);
  }
}

/** @param {string} deviceId */
async function ask(deviceId) {
  const wanted = {
    echoCancellation: true,
    noiseSuppression: true,
    autoGainControl: true,
    channelCount: 1,
  };
  try {
    const audio = deviceId ? { ...wanted, deviceId: { exact: deviceId } } : wanted;
    return await navigator.mediaDevices.getUserMedia({ audio });
  } catch (error) {
    const name = error instanceof DOMException || error instanceof Error ? error.name : "";
    if (deviceId && ["OverconstrainedError", "NotFoundError"].includes(name)) return ask("");
    throw new ClientError(CODES[name] ?? "unsupported", error);
  }
}

/** @param {Float32Array} samples */
function level(samples) {
  let sum = 0;
  let peak = 0;
  for (const sample of samples) {
    sum += sample * sample;
    peak = Math.max(peak, Math.abs(sample));
  }
  return { rms: Math.sqrt(sum / samples.length), peak };
}
