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
 * @property {number} revision another one with every change
 * @property {boolean} final
 * @property {{detail?: string, title?: string}} [error]
 */

const WAIT_S = 20;
/** A poll that takes longer than this is given up: the connection is dead. */
const LIMIT_MS = (WAIT_S + 10) * 1000;
const [LEAST_PAUSE_MS, MOST_PAUSE_MS] = [500, 8000];
/** An answer without news that comes sooner: nobody waits for them there. It is asked more slowly. */
const SOON_MS = 1000;
const REST_MS = 1000;

/** @typedef {{tag: string, state: SessionState|null}} Answer its state is null where nothing is new */

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

  get wantsKey() {
    return this.status === 401;
  }
}

/**
 * Call `onState` with every news, from the first segment on, until nothing more will come.
 *
 * @param {string} address of the session's or watcher's state
 * @param {{signal: AbortSignal, headers?: Record<string, string>,
 *   onState: (state: SessionState) => void, onAnswer?: () => void, onTrouble?: () => void}} about
 *   `onAnswer`: it answers, but nothing is new
 * @returns {Promise<void>} also when the signal aborts
 * @throws {Refused}
 */
export async function follow(address, { signal, headers = {}, onState, onAnswer, onTrouble }) {
  let [after, failures, tag, revision] = [-1, 0, "", -1];
  while (!signal.aborted) {
    const askedMs = performance.now();
    const answer = await ask(address, after, tag, headers, signal);
    if (signal.aborted) return;
    if (!answer) {
      onTrouble?.();
      await pause(backoffMs(failures++), signal);
      continue;
    }
    failures = 0;
    const { state } = answer;
    const isNews = state !== null && state.revision !== revision;
    if (state) {
      [tag, revision] = [answer.tag, state.revision];
      after = state.segments.at(-1)?.id ?? after;
      onState(state);
      if (state.final || state.state !== "active") return;
    } else {
      onAnswer?.();
    }
    if (!isNews && performance.now() - askedMs < SOON_MS) await pause(REST_MS, signal);
  }
}

/**
 * @param {string} address
 * @param {number} after
 * @param {string} tag of the state that is known
 * @param {Record<string, string>} besides headers that every question has
 * @param {AbortSignal} signal
 * @returns {Promise<Answer|null>} null where asking again may help
 * @throws {Refused}
 */
async function ask(address, after, tag, besides, signal) {
  const url = new URL(address);
  if (after >= 0) url.searchParams.set("after", String(after));
  // The first question is answered at once, so that a late reader catches up without waiting.
  if (tag) url.searchParams.set("wait", String(WAIT_S));
  // By hand, as AbortSignal.any is too new for some browsers.
  const leaving = new AbortController();
  const leave = () => leaving.abort();
  const timer = setTimeout(leave, LIMIT_MS);
  signal.addEventListener("abort", leave, { once: true });
  try {
    const headers = { ...besides, ...(tag && { "If-None-Match": tag }) };
    return await read(await fetch(url, { headers, signal: leaving.signal }));
  } catch (problem) {
    if (problem instanceof Refused) throw problem;
    return null;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
  }
}

/**
 * @param {Response} reply
 * @returns {Promise<Answer|null>} null where asking again may help
 * @throws {Refused} and whatever a body that breaks off or is no JSON throws
 */
async function read(reply) {
  if (reply.status === 304) return { tag: "", state: null };
  if (reply.ok) {
    const state = await reply.json();
    // Something in between may answer for the service, and not only with pages.
    if (!Array.isArray(state?.segments)) return null;
    return { tag: reply.headers.get("ETag") ?? "", state };
  }
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
 */
function backoffMs(failures) {
  return Math.min(MOST_PAUSE_MS, LEAST_PAUSE_MS * 2 ** failures) * Math.random();
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal ends it early
 * @returns {Promise<void>}
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
    function done() {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
