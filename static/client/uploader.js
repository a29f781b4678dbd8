/** Brings one chunk to one server, as often as it takes. */

import { pause, RequestError, requestJson } from "./requests.js";

/**
 * @typedef {import("./server.js").Server} Server
 * @typedef {import("./types.js").ChunkReply} ChunkReply
 *
 * @typedef {object} Chunk
 * @property {string} sessionId
 * @property {number} sequence
 * @property {boolean} final
 * @property {Blob} audio
 * @property {Record<string, string>} fields what else the first chunk says
 *
 * @typedef {object} Watcher who wants to know how it goes
 * @property {(error: RequestError) => void} failed one try failed, another follows
 * @property {() => void} overdue no answer for long: look whether the server lives
 * @property {EventTarget} alarm its `wake` event says that it's worth trying again now
 */

/** A server answers within 10 s whatever happens. */
const TIMEOUT_MS = 12_000;
/** On a slow line the chunk itself takes time. */
const SLOW_LINE_BYTES_PER_MS = 16;
/** Most replies come within half a second. */
const OVERDUE_MS = 3_000;
const FIRST_BACKOFF_MS = 500;
const MOST_BACKOFF_MS = 8_000;

/**
 * Post a chunk until the server has answered it.
 *
 * Repeating it is safe: under the same sequence the same bytes are transcribed once.
 * @param {Server} server
 * @param {Chunk} chunk
 * @param {Watcher} watcher
 * @param {AbortSignal} signal gives it up
 * @returns {Promise<{reply: ChunkReply, roundTripS: number}>}
 * @throws {RequestError} the server refuses it, for good or for long
 */
export async function upload(server, chunk, watcher, signal) {
  for (let attempt = 0; ; attempt++) {
    const startMs = performance.now();
    const overdue = setTimeout(watcher.overdue, OVERDUE_MS);
    try {
      const { body } = await requestJson(`${server.url}/transcribe`, {
        method: "POST",
        headers: server.headers,
        body: form(chunk),
        timeoutMs: TIMEOUT_MS + chunk.audio.size / SLOW_LINE_BYTES_PER_MS,
        signal,
      });
      return { reply: body, roundTripS: (performance.now() - startMs) / 1000 };
    } catch (error) {
      if (!(error instanceof RequestError) || !error.retryable) throw error;
      watcher.failed(error);
      const alarm = error.retryAfterS === null ? watcher.alarm : undefined;
      await pause(backoffMs(attempt, error.retryAfterS), signal, alarm);
    } finally {
      clearTimeout(overdue);
    }
  }
}

/** @param {Chunk} chunk */
function form({ sessionId, sequence, final, audio, fields }) {
  const data = new FormData();
  data.set("session_id", sessionId);
  data.set("sequence", String(sequence));
  if (final) data.set("final", "true");
  if (sequence === 0) {
    for (const [name, value] of Object.entries(fields)) data.set(name, value);
  }
  if (audio.size > 0) data.set("audio", audio, "audio");
  return data;
}

/**
 * Full jitter: many clients that failed together must not come back together.
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 * @param {number} attempt
 * @param {number|null} retryAfterS what the server asks for
 */
function backoffMs(attempt, retryAfterS) {
  const most = Math.min(FIRST_BACKOFF_MS * 2 ** attempt, MOST_BACKOFF_MS);
  return Math.max(Math.random() * most, (retryAfterS ?? 0) * 1000);
}
