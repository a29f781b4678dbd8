/** Files made in the browser, and words put on the clipboard. */

import { rendered } from "./formats.js";

/** @typedef {import("./transcript.js").Transcript} Transcript */

/** How long a made file stays in memory for the browser to save it. */
const KEEP_MS = 60_000;

/**
 * @param {Transcript} transcript
 * @param {string} format txt, srt, vtt or json
 */
export function download(transcript, format) {
  const { text, type } = rendered(format, transcript.segments, transcript.language);
  const address = URL.createObjectURL(new Blob([text], { type: `${type};charset=utf-8` }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${fileName(transcript)}.${format}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), KEEP_MS);
}

/**
 * A file's own name, else the day and time of the recording.
 *
 * @param {Transcript} transcript
 * @returns {string} without an extension
 */
export function fileName(transcript) {
  if (transcript.kind === "file" && transcript.title) {
    return transcript.title.replace(/\.[^.]*$/u, "") || "transcript";
  }
  const at = new Date(transcript.startedAt);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `transcript ${day} ${two(at.getHours())}-${two(at.getMinutes())}`;
}

/**
 * Put a text on the clipboard; also where the page came over plain http, which has no clipboard.
 *
 * @param {string} text
 * @returns {Promise<boolean>} whether it worked
 */
export async function copy(text) {
  if (navigator.clipboard) {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      // Not allowed: the older way below may still be.
    }
  }
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "off-screen";
  const before = document.activeElement;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  if (before instanceof HTMLElement) before.focus();
  return done;
}
