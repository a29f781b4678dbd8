/** One live session at one server: numbers the chunks, sends them, gathers what comes back. */

import { pause, RequestError, requestJson } from "./requests.js";
import { upload } from "./uploader.js";

/**
 * @typedef {import("./batcher.js").Batcher} Batcher
 * @typedef {import("./server.js").Server} Server
 * @typedef {import("./tape.js").Tape} Tape
 * @typedef {import("./types.js").ChunkReply} ChunkReply
 * @typedef {import("./types.js").Segment} Segment
 *
 * @typedef {object} Listener
 * @property {(session: Session, segments: Segment[], reply: ChunkReply) => void} heard something came
 *   back; the segments are new and in order
 * @property {(session: Session, error: RequestError) => void} failed a try failed, another follows
 * @property {(session: Session) => void} overdue
 * @property {(session: Session, error: RequestError) => void} damaged a chunk could not be decoded
 * @property {(session: Session) => void} lost the server knows it no more: replay into a new one
 * @property {(session: Session, error: RequestError) => void} refused the server will not have it
 */

const MOST_IN_FLIGHT = 3;
/** The longest chunk, when much has gathered. */
const MOST_CHUNK_S = 10;
const POLL_WAIT_S = 10;
const POLL_TIMEOUT_MS = 15_000;
const POLL_AGAIN_MS = 1_000;
/** What is final is kept for so long, as context for what is said next. */
export const CONTEXT_S = 8;
/** Servers don't use more of it, and times have two digits. */
const ROUNDING_S = 0.01;
/** Errors that a new session mends. */
const LOST = [
  "unknown-session",
  "session-expired",
  "session-ended",
  "sequence-given-up",
  "sequence-gap",
  "sequence-reused",
  "audio-too-long",
];

/** Return an id that nobody can guess: it is the key to what it names. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Session {
  id = newId();
  /** @type {string|null} */
  watchId = null;
  /** When it begins, in the recording, and in which of the recorder's streams. */
  startS;
  stream;
  /** Up to where the recording is final, as this session tells; seconds in the recording. */
  settledS;
  /** Seconds from sending a chunk to its reply, for the newest. */
  roundTripS = 0;
  /** Whether everything is final and known. */
  complete = false;
  /** @type {ChunkReply|null} the newest */
  latest = null;
  #closing = new AbortController();
  #alarm = new EventTarget();
  #sequence = 0;
  /** @type {Map<number, {startS: number, attempts: number}>} */
  #inFlight = new Map();
  #opened = false;
  #finalSent = false;
  #polling = false;
  /** @type {Map<number, Segment>} those that came before their turn */
  #early = new Map();
  /** How many segments are here, without a hole. */
  #told = 0;
  /** @type {ChunkReply[]} that tell of segments which are not here yet */
  #claims = [];
  #sentS;
  #fields;
  #cursor;

  /**
   * @param {Server} server
   * @param {Tape} tape
   * @param {Record<string, string>} fields decoding options
   * @param {number} settledS up to where the recording is final already
   * @param {import("./transcript.js").Transcript} transcript what is final
   * @param {Listener} listener
   */
  constructor(server, tape, fields, settledS, transcript, listener) {
    this.server = server;
    this.key = server.key;
    this.tape = tape;
    this.listener = listener;
    const point = this.#entry(settledS);
    this.stream = point.stream;
    this.startS = point.timeS;
    this.settledS = this.#sentS = Math.max(settledS, point.timeS);
    const skipS = this.settledS - point.timeS;
    this.#fields = { ...fields, ...this.#skipped(skipS, transcript) };
    this.#cursor = tape.cursorAt(point);
  }

  /**
   * Where to begin: a little before what is not final, since words are understood by those before.
   * @param {number} settledS
   */
  #entry(settledS) {
    const point = this.tape.pointBefore(settledS);
    const earlier = this.tape.pointBefore(Math.max(0, settledS - CONTEXT_S));
    return earlier.stream === point.stream ? earlier : point;
  }

  /**
   * @param {number} skipS how much of what is sent is final already
   * @param {import("./transcript.js").Transcript} transcript
   * @returns {Record<string, string>}
   */
  #skipped(skipS, transcript) {
    if (skipS <= 0) return {};
    const fromS = Math.max(this.startS, this.settledS - CONTEXT_S + ROUNDING_S);
    const said = transcript.said(fromS, this.settledS);
    return {
      skip_s: skipS.toFixed(3),
      ...(said && {
        skip_text: said.text,
        skip_text_s: Math.max(0, Math.min(skipS, said.startS - this.startS)).toFixed(3),
      }),
    };
  }

  get inFlight() {
    return this.#inFlight.size;
  }

  /** Up to where the server has answered; seconds in the recording. */
  get answeredS() {
    const starts = [...this.#inFlight.values()].map((chunk) => chunk.startS);
    return Math.min(this.#sentS, ...starts);
  }

  /** Whether the server has been told that nothing more comes. */
  get finalSent() {
    return this.#finalSent;
  }

  /** Whether nobody is speaking and everything said is final. */
  get isQuiet() {
    const { latest } = this;
    return latest !== null && latest.partial === "" && latest.audio_seconds.pending < 0.5;
  }

  /**
   * Send what is worth sending.
   * @param {Batcher} batcher
   * @param {{flush: boolean, ended: boolean}} how flush: send whatever there is; ended: nothing more comes
   */
  pump(batcher, { flush, ended }) {
    for (let before = -1; this.#maySend() && before !== this.#sequence; ) {
      before = this.#sequence;
      const waitingS = this.tape.secondsFrom(this.#cursor);
      const isDue =
        waitingS > 0 && (flush || this.tape.streamEnded(this.#cursor) || batcher.isDue(waitingS));
      if (!isDue && !(ended && waitingS === 0)) break;
      void this.#send(batcher, ended);
    }
    if (flush) void this.#poll();
  }

  /** The server is back: what waits for another try need not wait any longer. */
  retryNow() {
    this.#alarm.dispatchEvent(new Event("wake"));
  }

  /** Give up whatever is under way. */
  close() {
    this.#closing.abort(new DOMException("The session is over.", "AbortError"));
  }

  /** Tell the server that nothing more comes; nobody waits for it. */
  leave() {
    this.close();
    const data = new FormData();
    data.set("session_id", this.id);
    data.set("sequence", String(this.#sequence));
    data.set("final", "true");
    const { url, headers } = this.server;
    const options = { method: "POST", headers, body: data, timeoutMs: POLL_TIMEOUT_MS };
    // It expires by itself if this does not arrive.
    requestJson(`${url}/transcribe`, options).catch(() => undefined);
  }

  #maySend() {
    if (this.#closing.signal.aborted || this.#finalSent) return false;
    // The first chunk opens the session; while one is retried, no later one may overtake it.
    const most = this.#opened ? MOST_IN_FLIGHT : 1;
    const retrying = [...this.#inFlight.values()].some((chunk) => chunk.attempts > 0);
    return this.#inFlight.size < most && !retrying;
  }

  /**
   * @param {Batcher} batcher
   * @param {boolean} ended
   */
  async #send(batcher, ended) {
    const stretch = this.tape.read(this.#cursor, MOST_CHUNK_S);
    if (stretch) this.#cursor = stretch.next;
    const sequence = this.#sequence++;
    const state = { startS: stretch?.startS ?? this.tape.endS, attempts: 0 };
    this.#inFlight.set(sequence, state);
    this.#sentS = stretch?.endS ?? this.#sentS;
    this.#finalSent = ended && this.tape.secondsFrom(this.#cursor) === 0;
    const chunk = {
      sessionId: this.id,
      sequence,
      final: this.#finalSent,
      audio: stretch?.audio ?? new Blob(),
      fields: this.#fields,
    };
    const watcher = {
      /** @param {RequestError} error */
      failed: (error) => {
        state.attempts++;
        this.listener.failed(this, error);
      },
      overdue: () => this.listener.overdue(this),
      alarm: this.#alarm,
    };
    try {
      const { reply, roundTripS } = await upload(this.server, chunk, watcher, this.#closing.signal);
      this.#inFlight.delete(sequence);
      this.#opened = true;
      this.roundTripS = roundTripS;
      if (state.attempts === 0) batcher.note(roundTripS);
      batcher.suggest(reply.suggested_chunk_ms);
      this.#take(reply);
    } catch (error) {
      this.#inFlight.delete(sequence);
      this.#refusal(error);
    }
  }

  /** @param {unknown} error */
  #refusal(error) {
    if (this.#closing.signal.aborted) return;
    if (!(error instanceof RequestError)) {
      // A mistake of ours: what was not answered is replayed, and the console says what it was.
      this.listener.lost(this);
      throw error;
    }
    if (LOST.includes(error.code)) this.listener.lost(this);
    else if (error.code === "undecodable-audio" && this.#opened) this.listener.damaged(this, error);
    else this.listener.refused(this, error);
  }

  /** @param {ChunkReply} reply */
  #take(reply) {
    if (this.#closing.signal.aborted) return;
    if (this.#gaveUpOurs(reply)) {
      this.listener.lost(this);
      return;
    }
    if (reply.watch_id) this.watchId = reply.watch_id;
    for (const segment of reply.segments) {
      if (segment.id >= this.#told) this.#early.set(segment.id, segment);
    }
    const fresh = [];
    for (let next = this.#early.get(this.#told); next; next = this.#early.get(this.#told)) {
      fresh.push(next);
      this.#early.delete(this.#told++);
    }
    this.#settle(fresh, reply);
    if (!this.latest || reply.revision >= this.latest.revision) this.latest = reply;
    this.listener.heard(this, fresh, reply);
  }

  /**
   * What is settled grows with the segments that are here, never before them: replies overtake
   * each other, and a replay begins where this ends.
   * @param {Segment[]} fresh
   * @param {ChunkReply} reply
   */
  #settle(fresh, reply) {
    this.#claims.push(reply);
    const last = fresh.at(-1);
    if (last) this.settledS = Math.max(this.settledS, this.startS + last.end);
    for (const { settled, final } of this.#claims) {
      if (settled.segments !== this.#told) continue;
      this.settledS = Math.max(this.settledS, this.startS + settled.seconds);
      this.complete ||= final;
    }
    this.#claims = this.#claims.filter(({ settled }) => settled.segments > this.#told);
  }

  /**
   * Whether the server shows a gap for a chunk that is still on its way: replayed, it is not lost.
   * @param {ChunkReply} reply
   */
  #gaveUpOurs(reply) {
    const hasGap = reply.segments.some((segment) => segment.gap && segment.id >= this.#told);
    return hasGap && [...this.#inFlight.keys()].some((sequence) => sequence < reply.next_sequence);
  }

  /** Ask for what the replies left out, while there is no chunk to ask with. */
  async #poll() {
    if (this.#polling) return;
    this.#polling = true;
    const { signal } = this.#closing;
    while (this.#wantsNews()) {
      const askedMs = performance.now();
      try {
        const { body } = await requestJson(this.#newsUrl(), {
          timeoutMs: POLL_TIMEOUT_MS,
          headers: { ...this.server.headers, ...this.#revisionHeader() },
          signal,
        });
        if (body) this.#take(body);
        // A busy server does not wait; then this does.
        else if (performance.now() - askedMs < POLL_AGAIN_MS) await pause(POLL_AGAIN_MS, signal);
      } catch (error) {
        if (!(error instanceof RequestError && error.retryable)) {
          this.#refusal(error);
          break;
        }
        this.listener.failed(this, error);
        await pause(POLL_AGAIN_MS, signal, this.#alarm).catch(() => undefined);
      }
    }
    this.#polling = false;
  }

  #newsUrl() {
    return `${this.server.url}/sessions/${this.id}?after=${this.#told - 1}&wait=${POLL_WAIT_S}`;
  }

  /** Waits for news only where all segments of the revision that is known are here. */
  #revisionHeader() {
    const { latest } = this;
    /** @type {Record<string, string>} */
    const headers = {};
    if (latest && this.#told >= latest.settled.segments) {
      headers["If-None-Match"] = `"${latest.revision}"`;
    }
    return headers;
  }

  #wantsNews() {
    const { latest } = this;
    const isOver = this.#closing.signal.aborted || this.complete;
    if (isOver || !latest || this.#inFlight.size > 0) return false;
    const isOpen = latest.partial !== "" || latest.audio_seconds.pending > 0;
    return this.#finalSent || isOpen || this.#told < latest.settled.segments;
  }
}
