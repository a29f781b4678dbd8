/**
 * Brings a recording to whichever server is best, until every word is final: begins sessions,
 * leaves servers that fail, replays what is not final, and returns to better servers at a pause.
 */

import { Batcher } from "./batcher.js";
import { ClientError } from "./problems.js";
import { CONTEXT_S, Session } from "./session.js";

/**
 * @typedef {import("./journal.js").Journal} Journal
 * @typedef {import("./requests.js").RequestError} RequestError
 * @typedef {import("./server.js").Server} Server
 * @typedef {import("./servers.js").Servers} Servers
 * @typedef {import("./tape.js").Tape} Tape
 * @typedef {import("./transcript.js").Transcript} Transcript
 * @typedef {import("./types.js").ChunkReply} ChunkReply
 * @typedef {import("./types.js").Segment} Segment
 *
 * @typedef {object} Parts
 * @property {Servers} servers
 * @property {Tape} tape
 * @property {Transcript} transcript
 * @property {Record<string, string>} fields decoding options
 * @property {Journal|null} journal where it goes on, if it was begun before
 */

const TICK_MS = 250;
/** A server that loses sessions again and again is given a moment between them. */
const FIRST_RESTART_MS = 250;
const MOST_RESTART_MS = 8_000;

/**
 * Emits `final` {segments}, `partial`, `change`, `problem` (a ClientError) and `unusable` (no server
 * can decode this recorder's sound).
 */
export class Delivery extends EventTarget {
  batcher = new Batcher();
  /** @type {Session|null} */
  session = null;
  /** @type {string|null} as detected */
  language;
  /** Up to where the recording is final; seconds. */
  settledS;
  /** Whether no server is at hand; false before it is known. */
  waiting = false;
  #flush = false;
  #ended = false;
  #finished = false;
  /** @type {string|null} the language of what is final, for the sessions to come */
  #carried;
  #restartMs = FIRST_RESTART_MS;
  #restartAtMs = 0;
  #journalWorks = true;
  /** How many segments the journal has. */
  #written;
  /** Resolved when every word is final. */
  #done = deferred();
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #timer;
  #evaluate = () => this.tick();
  #probed = () => {
    const server = this.session?.server;
    if (server?.recovered) {
      server.recovered = false;
      this.session?.retryNow();
    }
    this.tick();
  };

  /** @param {Parts} parts */
  constructor({ servers, tape, transcript, fields, journal }) {
    super();
    this.servers = servers;
    this.tape = tape;
    this.transcript = transcript;
    this.fields = fields;
    this.journal = journal;
    this.settledS = journal?.entry.settledS ?? 0;
    this.language = this.#carried = journal?.entry.language ?? null;
    this.#written = transcript.segments.length;
  }

  /** Seconds that no server has answered yet. */
  get pendingS() {
    return Math.max(0, this.tape.endS - (this.session?.answeredS ?? this.settledS));
  }

  /** A recording that is finished later may have no audio any more. */
  get #durationS() {
    return Math.max(this.tape.endS, this.settledS);
  }

  start() {
    this.servers.addEventListener("change", this.#probed);
    this.servers.start();
    this.#timer = setInterval(this.#evaluate, TICK_MS);
    this.tick();
  }

  /** Stop at once; what is not final stays in the journal. */
  stop() {
    this.servers.removeEventListener("change", this.#probed);
    this.servers.stop();
    clearInterval(this.#timer);
    this.session?.close();
    this.session = null;
    this.journal?.close();
  }

  /** @param {string} mimeType */
  beginStream(mimeType) {
    this.tape.beginStream(mimeType);
    this.#flush = false;
  }

  /** @param {import("./recorder.js").SourceData} data */
  append({ bytes, seconds }) {
    const { piece, points, isNews } = this.tape.append(bytes, seconds);
    const streams = isNews ? this.tape.streams : null;
    this.#journal((journal) => journal.add(piece, points, streams));
    this.servers.tick();
    this.tick();
  }

  /** Send whatever there is, because nothing more comes for now; `false` when more comes. */
  flush(on = true) {
    this.#flush = on;
    this.tick();
  }

  /** Nothing more comes. Resolves when every word is final. */
  async end() {
    this.#ended = this.#flush = true;
    this.tick();
    await this.#done.promise;
    this.stop();
  }

  /** Look at how things are, and do what is to be done. */
  tick() {
    if (this.#finished) return;
    this.#leaveOrReturn();
    this.#begin();
    this.session?.pump(this.batcher, { flush: this.#flush, ended: this.#ended });
    this.#emit("change");
  }

  #leaveOrReturn() {
    const { session, servers } = this;
    if (!session) return;
    const gone = session.server.isDown || session.server.refused;
    const next = servers.best();
    const isStruck = !servers.list.includes(session.server);
    if (isStruck || (gone && next && next !== session.server)) {
      this.#close();
    } else if (!gone && session.isQuiet && servers.better(session.server)) {
      this.session = null;
      session.leave();
    }
  }

  #begin() {
    if (this.session || performance.now() < this.#restartAtMs) return;
    const nothingToSay = this.settledS >= this.tape.endS;
    if (this.#ended && nothingToSay) {
      this.#finish();
      return;
    }
    const server = this.servers.best();
    this.waiting = server === null && this.servers.list.every((one) => one.known);
    if (!server || nothingToSay) return;
    const language = this.fields.language ?? this.#carried;
    const fields = { ...this.fields, ...(language && { language }) };
    server.begin();
    const { tape, settledS, transcript } = this;
    this.session = new Session(server, tape, fields, settledS, transcript, this.#listener);
  }

  #close() {
    this.session?.close();
    this.session = null;
  }

  /** @type {import("./session.js").Listener} */
  #listener = {
    heard: (session, segments, reply) => this.#heard(session, segments, reply),
    failed: (session, error) => {
      session.server.postFailed(error);
      this.servers.doubt(session.server);
      this.tick();
    },
    overdue: (session) => {
      session.server.overdue = true;
      this.servers.doubt(session.server);
    },
    damaged: (_, error) => this.#problem(new ClientError("audio-lost", error)),
    lost: () => {
      this.#close();
      this.#restartAtMs = performance.now() + this.#restartMs;
      this.#restartMs = Math.min(2 * this.#restartMs, MOST_RESTART_MS);
    },
    refused: (session, error) => this.#refused(session, error),
  };

  /**
   * @param {Session} session
   * @param {Segment[]} segments
   * @param {ChunkReply} reply
   */
  #heard(session, segments, reply) {
    session.server.postAnswered();
    this.language = reply.language ?? this.language;
    if (segments.length) {
      this.#restartMs = FIRST_RESTART_MS;
      this.#carried = reply.language;
      this.#emit("final", { segments: this.transcript.add(segments, session.startS) });
    }
    const { partial, stable_chars: stableChars } = session.latest ?? reply;
    if (this.transcript.show(partial, stableChars)) this.#emit("partial");
    if (session.settledS > this.settledS) this.#settle(session.settledS);
    if (session.complete) this.#complete(session);
    this.tick();
  }

  /** @param {number} settledS */
  #settle(settledS) {
    this.settledS = settledS;
    this.tape.release(Math.max(0, settledS - CONTEXT_S));
    const fresh = this.#unwritten();
    const news = { settledS, language: this.#carried, durationS: this.#durationS };
    const firstPiece = this.tape.firstPiece;
    this.#journal((journal) => journal.settle(news, fresh, firstPiece));
  }

  /** The segments that the journal does not have yet. */
  #unwritten() {
    const fresh = this.transcript.segments.slice(this.#written);
    this.#written += fresh.length;
    return fresh;
  }

  /** A session came to its end: either all is done, or the server ended it before its time. */
  /** @param {Session} session */
  #complete(session) {
    this.#close();
    if (this.#ended && session.finalSent) this.#finish();
  }

  #finish() {
    this.#finished = true;
    const fresh = this.#unwritten();
    const news = { language: this.language, durationS: this.#durationS };
    // Also where the journal failed before: this frees its room.
    this.journal?.finish(news, fresh).catch(() => undefined);
    this.#done.resolve();
  }

  /**
   * @param {Session} session
   * @param {RequestError} error
   */
  #refused(session, error) {
    this.#close();
    const mimeType = this.tape.streams[session.stream]?.mimeType ?? "";
    const isUndecodable = error.code === "undecodable-audio" || error.status === 415;
    if (isUndecodable && !this.#ended && !mimeType.startsWith("audio/l16")) {
      // What the recorder makes is no use to anybody; it is replaced.
      this.settledS = this.tape.drop(session.stream);
      this.#emit("unusable");
    } else if (error.field === "language" && this.#carried && !this.fields.language) {
      this.#carried = null; // this server does not know what the other one heard
    } else if (session.key === session.server.key) {
      this.#refusedBy(session.server, error);
    } // else it has been given another key meanwhile, and is asked again with that
    this.tick();
  }

  /**
   * @param {Server} server
   * @param {RequestError} error
   */
  #refusedBy(server, error) {
    const code = error.wantsKey ? "key-needed" : "refused";
    if (server.refuse(error)) this.#problem(new ClientError(code, error, server.url));
  }

  /** @param {(journal: Journal) => Promise<unknown>} write */
  #journal(write) {
    if (!this.journal || !this.#journalWorks) return;
    write(this.journal).catch((error) => {
      if (this.#journalWorks) this.#problem(new ClientError("storage-full", error));
      this.#journalWorks = false;
    });
  }

  /** @param {ClientError} error */
  #problem(error) {
    this.#emit("problem", error);
  }

  /**
   * @param {string} type
   * @param {unknown} [detail]
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Promise.withResolvers, which browsers of 2023 lack. */
function deferred() {
  let resolve = () => {};
  /** @type {Promise<void>} */
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
