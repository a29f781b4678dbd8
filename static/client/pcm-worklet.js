/** Runs on the browser's audio thread: turns what the microphone gives into 16-bit pieces. */

const PIECE_S = 0.1;

class PcmRecorderProcessor extends AudioWorkletProcessor {
  #piece = new Int16Array(Math.round(sampleRate * PIECE_S));
  #filled = 0;

  constructor() {
    super();
    this.port.onmessage = () => {
      this.#emit();
      this.port.postMessage("flushed");
    };
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    for (const sample of inputs[0]?.[0] ?? []) {
      const clipped = Math.max(-1, Math.min(1, sample));
      this.#piece[this.#filled++] = Math.round(clipped * 0x7fff);
      if (this.#filled === this.#piece.length) this.#emit();
    }
    return true;
  }

  #emit() {
    const bytes = this.#piece.slice(0, this.#filled).buffer;
    this.#filled = 0;
    this.port.postMessage(bytes, [bytes]);
  }
}

registerProcessor("pcm-recorder", PcmRecorderProcessor);
