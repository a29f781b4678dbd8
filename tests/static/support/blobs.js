/** What a real Chrome's MediaRecorder gave when asked for a blob every 400 ms. */

import { readFileSync } from "node:fs";

const DATA = new URL("../../data/mediarecorder/", import.meta.url);

/** Length of a blob in seconds: Chrome cuts at the end of an Opus frame of 60 ms. */
export const BLOB_S = 0.42;

/**
 * @param {"webm-opus"|"mp4-opus"} name
 * @returns {{mimeType: string, blobs: Uint8Array<ArrayBuffer>[], durationS: number}}
 */
export function recorded(name) {
  const manifest = JSON.parse(readFileSync(new URL("manifest.json", DATA), "utf8"));
  /** @type {{name: string, mime_type: string, blobs: string[]}[]} */
  const streams = manifest.streams;
  const stream = streams.find((one) => one.name === name);
  if (!stream) throw new Error(`no stream ${name}`);
  const blobs = stream.blobs.map((path) => new Uint8Array(readFileSync(new URL(path, DATA))));
  return { mimeType: stream.mime_type, blobs, durationS: manifest.duration };
}

/**
 * @param {Uint8Array<ArrayBuffer>[]} parts
 * @returns {Uint8Array<ArrayBuffer>}
 */
export function joined(parts) {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
