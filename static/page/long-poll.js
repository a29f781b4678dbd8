/** Following a session on a server by long polling, through breaks of the connection. */

/** @typedef {import("../client/types.js").Segment} Segment */

/**
 * @typedef {object} SessionState what GET /sessions/{id} and GET /watch/{id} answer
 * @property {"active"|"ended"|"expired"|"failed"} state
 * @property {Segment[]} segments
 * @property {string} partial
 * @property {number} stable_chars
 * @property {{received: number, final: number, pending: number, silence: number}} audio_seconds
 * @property {number|null} [duration] seconds of the whole recording, if known
 * @property {string|null} language
 * @property {boolean} final
 * @property {{detail?: string, title?: string}} [error]
 */

const WAIT_S = 20;
/** A poll that takes longer than this is given up: the connection is dead. */
const LIMIT_MS = (WAIT_S + 10) * 1000;
const [LEAST_PAUSE_MS, MOST_PAUSE_MS] = [500, 8000];

/** A reply that asking again will not change. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} detail what the server says
   */
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

/**
 * Call `onState` with every news, from the first segment on, until nothing more will come.
 *
 * @param {string} address of the session's or watcher's state
 * @param {{signal: AbortSignal, onState: (state: SessionState) => void,
 *   onAnswer?: () => void, onTrouble?: () => void}} about `onAnswer`: it answers, but nothing is new
 * @returns {Promise<void>}
 * @throws {Refused}
 */
export async function follow(address, { signal, onState, onAnswer, onTrouble }) {
  let [after, failures, revision] = [-1, 0, ""];
  while (!signal.aborted) {
    const reply = await ask(address, after, revision, signal);
    if (!reply) {
      onTrouble?.();
      await pause(failures++, signal);
      continue;
    }
    failures = 0;
    if (reply.status === 304) {
      onAnswer?.();
      continue;
    }
    revision = reply.headers.get("ETag") ?? "";
    const state = /** @type {SessionState} */ (await reply.json());
    after = state.segments.at(-1)?.id ?? after;
    onState(state);
    if (state.final || state.state !== "active") return;
  }
}

/**
 * @param {string} address
 * @param {number} after
 * @param {string} revision
 * @param {AbortSignal} signal
 * @returns {Promise<Response|null>} null where asking again may help
 */
async function ask(address, after, revision, signal) {
  const url = new URL(address);
  if (after >= 0) url.searchParams.set("after", String(after));
  // The first question is answered at once, so that a late reader catches up without waiting.
  if (revision) url.searchParams.set("wait", String(WAIT_S));
  let reply;
  try {
    reply = await fetch(url, {
      headers: revision ? { "If-None-Match": revision } : {},
      signal: AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]),
    });
  } catch {
    return null;
  }
  if (reply.ok || reply.status === 304) return reply;
  if ([408, 425, 429].includes(reply.status) || reply.status >= 500) return null;
  throw new Refused(reply.status, await detailOf(reply));
}

/**
 * @param {Response} reply
 * @returns {Promise<string>} what a problem reply says
 */
async function detailOf(reply) {
  const problem = await reply.json().catch(() => ({}));
  return problem.detail ?? problem.title ?? `HTTP ${reply.status}`;
}

/**
 * Full jitter: any time up to a limit that doubles.
 *
 * @param {number} failures in a row before this one
 * @param {AbortSignal} signal
 */
function pause(failures, signal) {
  const most = Math.min(MOST_PAUSE_MS, LEAST_PAUSE_MS * 2 ** failures);
  return new Promise((resolve) => {
    const timer = setTimeout(done, most * Math.random());
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve(undefined);
    }
  });
}
