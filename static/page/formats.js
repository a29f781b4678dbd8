/** A transcript as text, subtitles or JSON: the same files as the service's own. */

import { cues } from "./subtitles.js";

/** @typedef {import("../client/types.js").Segment} Segment */
/** @typedef {{text: string, type: string}} Rendered */

/** @type {Record<string, {type: string, render: (segments: Segment[], language: string|null) => string}>} */
const FORMATS = {
  txt: { type: "text/plain", render: toText },
  srt: { type: "application/x-subrip", render: toSrt },
  vtt: { type: "text/vtt", render: toVtt },
  json: { type: "application/json", render: toJson },
};

/**
 * @param {string} format txt, srt, vtt or json
 * @param {Segment[]} segments
 * @param {string|null} language
 * @returns {Rendered}
 */
export function rendered(format, segments, language) {
  const chosen = FORMATS[format];
  if (!chosen) throw new Error(`No such format: ${format}`);
  return { text: chosen.render(segments, language), type: chosen.type };
}

/** @param {Segment[]} segments */
export function toText(segments) {
  const text = segments
    .map((segment) => segment.text)
    .join("")
    .trim();
  return text ? `${text}\n` : "";
}

/** @param {Segment[]} segments */
export function toSrt(segments) {
  return cues(segments)
    .map((cue, index) => `${index + 1}\n${times(cue, ",")}\n${cue.lines.join("\n")}\n`)
    .join("\n");
}

/** @param {Segment[]} segments */
export function toVtt(segments) {
  const shown = cues(segments).map(
    (cue) => `\n${times(cue, ".")}\n${escaped(cue.lines.join("\n"))}\n`,
  );
  return `WEBVTT\n${shown.join("")}`;
}

/**
 * @param {Segment[]} segments
 * @param {string|null} language
 */
export function toJson(segments, language) {
  const text = toText(segments).trim();
  const listed = segments.map((segment) => ({ ...segment, text: segment.text.trim() }));
  return `${JSON.stringify({ text, language, segments: listed }, null, 2)}\n`;
}

/** @param {string} text with what WebVTT reads as markup */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/**
 * @param {import("./subtitles.js").Cue} cue
 * @param {","|"."} point between seconds and milliseconds
 */
function times(cue, point) {
  return `${time(cue.start, point)} --> ${time(cue.end, point)}`;
}

/**
 * @param {number} seconds
 * @param {","|"."} point
 */
function time(seconds, point) {
  const total = Math.round(seconds * 1000);
  const pad = (/** @type {number} */ n, width = 2) => String(n).padStart(width, "0");
  const [hours, minutes] = [Math.floor(total / 3_600_000), Math.floor(total / 60_000) % 60];
  const clock = `${pad(hours)}:${pad(minutes)}:${pad(Math.floor(total / 1000) % 60)}`;
  return `${clock}${point}${pad(total % 1000, 3)}`;
}
