/**
 * What survives a closed or crashed page: recordings with their final text, and the audio whose
 * text is not final. Kept in IndexedDB; audio is deleted as soon as its text is final.
 */

/**
 * @typedef {import("./types.js").RecordingInfo} RecordingInfo
 * @typedef {import("./types.js").Segment} Segment
 * @typedef {import("./tape.js").Kept} Kept
 * @typedef {import("./tape.js").Piece} Piece
 * @typedef {import("./tape.js").Point} Point
 * @typedef {import("./tape.js").Stream} Stream
 *
 * @typedef {object} Entry one recording
 * @property {string} id
 * @property {number} startedAt
 * @property {boolean} finished
 * @property {number} settledS
 * @property {number} durationS
 * @property {string|null} language as detected
 * @property {Record<string, string>} fields decoding options
 * @property {Stream[]} streams
 *
 * @typedef {Piece & {recording: string, points: Point[]}} KeptPiece
 * @typedef {Segment & {recording: string}} KeptSegment
 *
 * @typedef {Record<"recordings"|"pieces"|"segments", IDBObjectStore>} Stores
 */

const NAME = "live-transcription";
const VERSION = 1;
const STORES = ["recordings", "pieces", "segments"];
const TITLE_WORDS = 8;
/** Recordings kept; of more, the oldest finished ones are forgotten. */
const MOST_RECORDINGS = 100;

/** @type {Promise<IDBDatabase>|undefined} */
let opened;

/** @returns {Promise<IDBDatabase>} */
function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => {
      request.result.createObjectStore("recordings", { keyPath: "id" });
      request.result.createObjectStore("pieces", { keyPath: ["recording", "number"] });
      request.result.createObjectStore("segments", { keyPath: ["recording", "id"] });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

/**
 * Run one transaction; resolves when it is on disk.
 * @template T
 * @param {"readonly"|"readwrite"} mode
 * @param {(stores: Stores) => IDBRequest<T>} work
 * @returns {Promise<T>}
 */
async function transaction(mode, work) {
  const db = await database();
  return new Promise((resolve, reject) => {
    const running = db.transaction(STORES, mode);
    const [recordings, pieces, segments] = STORES.map((name) => running.objectStore(name));
    const request = work(/** @type {Stores} */ ({ recordings, pieces, segments }));
    running.oncomplete = () => resolve(request.result);
    running.onabort = () => reject(running.error);
  });
}

/**
 * All keys of a recording's pieces or segments.
 * @param {string} recording
 */
function keysOf(recording, below = Number.POSITIVE_INFINITY) {
  return IDBKeyRange.bound([recording, 0], [recording, below], false, true);
}

/** The journal of one recording. Each method resolves when what it says is on disk. */
export class Journal {
  #release = () => {};

  /** @param {Entry} entry */
  constructor(entry) {
    this.entry = entry;
  }

  /** Begin to write, and hold the recording so that no other page takes it for abandoned. */
  async open() {
    await this.save();
    await this.hold();
    // Nobody waits for it, and it may fail: the next recording tries again.
    forgetOldest().catch(() => undefined);
  }

  /** @returns {Promise<boolean>} false if another page works on it */
  async hold() {
    if (!navigator.locks) return true;
    return new Promise((resolve) => {
      void navigator.locks.request(lockName(this.entry.id), { ifAvailable: true }, (lock) => {
        resolve(lock !== null);
        if (lock === null) return undefined;
        return new Promise((release) => {
          this.#release = () => release(undefined);
        });
      });
    });
  }

  /** @param {Partial<Entry>} [news] */
  async save(news = {}) {
    Object.assign(this.entry, news);
    await transaction("readwrite", ({ recordings }) => recordings.put(this.entry));
  }

  /**
   * Both at once: a piece is worth nothing without its stream.
   * @param {Piece} piece
   * @param {Point[]} points
   * @param {Stream[]|null} streams if there is news of them
   */
  async add(piece, points, streams) {
    const kept = { ...piece, points, recording: this.entry.id };
    if (streams) this.entry.streams = streams;
    await transaction("readwrite", ({ recordings, pieces }) => {
      if (streams) recordings.put(this.entry);
      return pieces.put(kept);
    });
  }

  /**
   * Text has become final: keep it, and delete the audio that nobody needs any more.
   * @param {Partial<Entry>} news
   * @param {Segment[]} fresh that are not in the journal yet
   * @param {number} firstPiece that is still needed
   */
  async settle(news, fresh, firstPiece) {
    Object.assign(this.entry, news);
    const { id } = this.entry;
    await transaction("readwrite", ({ recordings, pieces, segments }) => {
      const found = recordings.getKey(id);
      found.onsuccess = () => {
        if (found.result === undefined) return; // deleted meanwhile
        for (const segment of fresh) segments.put({ ...segment, recording: id });
        if (firstPiece > 0) pieces.delete(keysOf(id, firstPiece));
        recordings.put(this.entry);
      };
      return found;
    });
  }

  /**
   * @param {Partial<Entry>} news
   * @param {Segment[]} fresh
   */
  async finish(news, fresh) {
    await this.settle({ ...news, finished: true }, fresh, Number.POSITIVE_INFINITY);
    this.close();
  }

  /** Let other pages have it. */
  close() {
    this.#release();
  }

  /**
   * @param {string} id
   * @returns {Promise<{journal: Journal, kept: Kept, segments: Segment[]}|null>} null if there is none
   */
  static async takeOver(id) {
    const journal = new Journal(/** @type {Entry} */ ({ id }));
    if (!(await journal.hold())) return null;
    const found = await journal.#load();
    if (!found) journal.close();
    return found;
  }

  /** @returns {Promise<{journal: Journal, kept: Kept, segments: Segment[]}|null>} */
  async #load() {
    const { id } = this.entry;
    /** @type {Entry|undefined} */
    const entry = await transaction("readonly", ({ recordings }) => recordings.get(id));
    if (!entry || entry.finished) return null;
    this.entry = entry;
    /** @type {KeptPiece[]} */
    const all = await transaction("readonly", (stores) => stores.pieces.getAll(keysOf(id)));
    const pieces = all.filter((piece) => entry.streams[piece.stream]);
    const points = pieces.flatMap((piece) => piece.points);
    const kept = { streams: entry.streams, pieces, points };
    return { journal: this, kept, segments: await segmentsOf(id) };
  }
}

/**
 * All recordings of this browser, newest first; those that another page works on are left out.
 * @returns {Promise<RecordingInfo[]>}
 */
export async function recordings() {
  /** @type {Entry[]} */
  const entries = await transaction("readonly", ({ recordings }) => recordings.getAll());
  const busy = await heldLocks();
  const infos = entries
    .filter((entry) => entry.finished || !busy.has(lockName(entry.id)))
    .sort((a, b) => b.startedAt - a.startedAt)
    .map(info);
  return Promise.all(infos);
}

/** @param {string} id */
export async function forget(id) {
  await transaction("readwrite", ({ recordings, pieces, segments }) => {
    pieces.delete(keysOf(id));
    segments.delete(keysOf(id));
    return recordings.delete(id);
  });
}

async function forgetOldest() {
  /** @type {Entry[]} */
  const entries = await transaction("readonly", ({ recordings }) => recordings.getAll());
  const finished = entries.filter((entry) => entry.finished);
  finished.sort((a, b) => b.startedAt - a.startedAt);
  await Promise.all(finished.slice(MOST_RECORDINGS).map((entry) => forget(entry.id)));
}

/**
 * @param {Entry} entry
 * @returns {Promise<RecordingInfo>}
 */
async function info(entry) {
  const { id, startedAt, language, finished } = entry;
  const segments = await segmentsOf(id);
  const text = segments
    .map((segment) => segment.text)
    .join("")
    .trim();
  const keptS = finished ? entry.durationS : await keptUntilS(entry);
  return {
    id,
    startedAt,
    durationS: keptS,
    state: finished ? "finished" : "unfinished",
    language,
    title: text.split(/\s+/).slice(0, TITLE_WORDS).join(" "),
    segments,
    unsentS: finished ? 0 : Math.max(0, keptS - entry.settledS),
  };
}

/**
 * @param {string} recording
 * @returns {Promise<Segment[]>}
 */
function segmentsOf(recording) {
  return transaction("readonly", ({ segments }) => segments.getAll(keysOf(recording)));
}

/** @param {Entry} entry */
async function keptUntilS({ id, durationS }) {
  const last = await transaction("readonly", ({ pieces }) => pieces.openCursor(keysOf(id), "prev"));
  /** @type {Piece|undefined} */
  const piece = last?.value;
  return piece ? piece.startS + piece.seconds : durationS;
}

/** @param {string} id */
function lockName(id) {
  return `${NAME}:${id}`;
}

/** @returns {Promise<Set<string|undefined>>} */
async function heldLocks() {
  const state = await navigator.locks?.query();
  return new Set(state?.held?.map((lock) => lock.name));
}
