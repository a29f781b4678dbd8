/**
 * The global scope of static/client/pcm-worklet.js: TypeScript's `dom` has only the page's side.
 */

declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
  /** Inputs and outputs by connection and channel; false when the node may go. */
  abstract process(
    inputs: Float32Array[][],
    outputs: Float32Array[][],
    parameters: Record<string, Float32Array>,
  ): boolean;
}

declare function registerProcessor(
  name: string,
  processor: new (options: AudioWorkletNodeOptions) => AudioWorkletProcessor,
): void;

/** Samples since the context began. */
declare const currentFrame: number;
/** Seconds since the context began. */
declare const currentTime: number;
/** Samples per second. */
declare const sampleRate: number;
