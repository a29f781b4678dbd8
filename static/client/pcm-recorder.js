/**
 * Raw sound as a source: 16-bit mono PCM in pieces of 0.1 s, made by an AudioWorklet. For browsers
 * whose MediaRecorder is missing or broken, and by choice. Needs eight times the bandwidth.
 *
 * @typedef {import("./recorder.js").Source} Source
 */

const WANTED_RATE_HZ = 16_000;
const WORKLET = new URL("./pcm-worklet.js", import.meta.url);

/** @implements {Source} */
export class PcmRecorder extends EventTarget {
  kind = /** @type {const} */ ("pcm");
  mimeType = "";
  /** @type {AudioContext|null} */
  #context = null;
  /** @type {AudioWorkletNode|null} */
  #node = null;
  /** @type {() => void} */
  #flushed = () => {};

  /** @param {MediaStream} stream */
  async start(stream) {
    const { context, input } = connectable(stream);
    this.#context = context;
    await context.audioWorklet.addModule(WORKLET);
    const rateHz = context.sampleRate;
    // Blob types are lower-case in every browser, so this is written as it arrives.
    this.mimeType = `audio/l16;rate=${rateHz};channels=1;endianness=little-endian`;
    const node = new AudioWorkletNode(context, "pcm-recorder", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    this.#node = node;
    node.port.onmessage = ({ data }) => {
      if (data === "flushed") this.#flushed();
      else this.#take(new Uint8Array(data), rateHz);
    };
    input.connect(node);
    await context.resume();
  }

  async pause() {
    await this.#flush();
    await this.#context?.suspend();
  }

  resume() {
    void this.#context?.resume();
  }

  async stop() {
    await this.pause();
    await this.#context?.close();
    this.#context = this.#node = null;
  }

  /** The last piece is shorter than the others. */
  #flush() {
    const node = this.#node;
    if (!node) return Promise.resolve();
    /** @type {Promise<void>} */
    const flushed = new Promise((resolve) => {
      this.#flushed = resolve;
    });
    node.port.postMessage("flush");
    return flushed;
  }

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes
   * @param {number} rateHz
   */
  #take(bytes, rateHz) {
    if (bytes.length === 0) return;
    const seconds = bytes.length / 2 / rateHz;
    this.dispatchEvent(new CustomEvent("data", { detail: { bytes, seconds } }));
  }
}

/**
 * The browser resamples to 16 kHz where it can; Firefox refuses, and the server resamples then.
 * @param {MediaStream} stream
 */
function connectable(stream) {
  try {
    const context = new AudioContext({ sampleRate: WANTED_RATE_HZ });
    return { context, input: context.createMediaStreamSource(stream) };
  } catch {
    const context = new AudioContext();
    return { context, input: context.createMediaStreamSource(stream) };
  }
}
