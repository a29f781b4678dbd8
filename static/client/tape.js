/**
 * The recording's bytes, kept until their text is final, so that any server can be given what no
 * server has finished. Times are seconds since the recording's start.
 */

import { indexFor } from "./containers.js";

/**
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 *
 * @typedef {object} Piece what the recorder gave at once
 * @property {number} number 0, 1, 2 … in the whole recording
 * @property {number} stream which stream it belongs to
 * @property {number} offset bytes since the stream's start
 * @property {Bytes} bytes
 * @property {number} startS
 * @property {number} seconds
 *
 * @typedef {object} Point where a decoder can begin
 * @property {number} stream
 * @property {number} offset bytes since the stream's start
 * @property {number} timeS
 *
 * @typedef {object} Stream the bytes of one recorder; a new microphone begins a new one
 * @property {string} mimeType
 * @property {number} startS
 * @property {Bytes} init what a decoder needs before bytes from within
 *
 * @typedef {object} Cursor what comes next to be read
 * @property {number} piece
 * @property {number} skipBytes of that piece
 * @property {boolean} needsInit
 *
 * @typedef {object} Stretch a few pieces for one request
 * @property {Blob} audio
 * @property {number} startS
 * @property {number} endS
 * @property {Cursor} next
 *
 * @typedef {object} Kept everything that a tape is made of, for the journal
 * @property {Stream[]} streams
 * @property {Piece[]} pieces
 * @property {Point[]} points
 */

export class Tape {
  /** @type {Stream[]} */
  streams = [];
  /** @type {Piece[]} */
  #pieces = [];
  /** @type {Point[]} */
  #points = [];
  /** @type {ReturnType<typeof indexFor>} */
  #index = indexFor("");
  #streamBytes = 0;
  #endS = 0;
  #nextPiece = 0;

  /** @param {Kept} [kept] */
  constructor(kept) {
    if (!kept) return;
    this.streams = kept.streams;
    this.#pieces = kept.pieces;
    this.#points = kept.points;
    const last = kept.pieces.at(-1);
    if (!last) return;
    this.#endS = last.startS + last.seconds;
    this.#nextPiece = last.number + 1;
  }

  get endS() {
    return this.#endS;
  }

  /** The number of the first piece that is still kept. */
  get firstPiece() {
    return this.#pieces[0]?.number ?? this.#nextPiece;
  }

  /**
   * A recorder starts: what is appended from now on is its stream.
   * @param {string} mimeType
   */
  beginStream(mimeType) {
    this.streams.push({ mimeType, startS: this.#endS, init: new Uint8Array(0) });
    this.#index = indexFor(mimeType);
    this.#streamBytes = 0;
  }

  /**
   * @param {Bytes} bytes
   * @param {number} seconds
   * @returns {{piece: Piece, points: Point[], isNews: boolean}} as kept; the points that became
   *   known by it; and whether `streams` says something new
   */
  append(bytes, seconds) {
    const number = this.streams.length - 1;
    const stream = /** @type {Stream} */ (this.streams[number]);
    const piece = {
      number: this.#nextPiece++,
      stream: number,
      offset: this.#streamBytes,
      bytes,
      startS: this.#endS,
      seconds,
    };
    this.#pieces.push(piece);
    this.#streamBytes += bytes.length;
    this.#endS += seconds;
    const points = this.#index
      .push(bytes)
      .map(({ offset, timeS }) => ({ stream: number, offset, timeS: stream.startS + timeS }));
    this.#points.push(...points);
    const knowsInit = stream.init.length < this.#index.initBytes;
    if (knowsInit) stream.init = this.#bytes(number, this.#index.initBytes);
    return { piece, points, isNews: knowsInit || piece.offset === 0 };
  }

  /**
   * The last point at or before a time: what is heard from there on includes all that follows.
   * @param {number} timeS
   * @returns {Point}
   */
  pointBefore(timeS) {
    const kept = this.#points.findLast((point) => point.timeS <= timeS && this.#find(point));
    if (kept) return kept;
    const first = this.#pieces[0];
    if (!first)
      return {
        stream: Math.max(0, this.streams.length - 1),
        offset: this.#streamBytes,
        timeS: this.#endS,
      };
    return { stream: first.stream, offset: first.offset, timeS: first.startS };
  }

  /**
   * @param {Point} point
   * @returns {Cursor}
   */
  cursorAt(point) {
    const piece = this.#find(point);
    if (!piece) return { piece: this.#nextPiece, skipBytes: 0, needsInit: false };
    return {
      piece: piece.number,
      skipBytes: point.offset - piece.offset,
      needsInit: point.offset > 0,
    };
  }

  /**
   * Seconds of audio from a cursor to the end.
   * @param {Cursor} cursor
   */
  secondsFrom(cursor) {
    const piece = this.#pieces[cursor.piece - this.firstPiece];
    return piece ? this.#endS - piece.startS : 0;
  }

  /**
   * Whether all that comes after a cursor's stream is another recorder's.
   * @param {Cursor} cursor
   */
  streamEnded(cursor) {
    const piece = this.#pieces[cursor.piece - this.firstPiece];
    return piece !== undefined && piece.stream < this.streams.length - 1;
  }

  /**
   * Read up to `maxS` seconds, all of one stream; null if there is nothing yet.
   * @param {Cursor} cursor
   * @param {number} maxS
   * @returns {Stretch|null}
   */
  read(cursor, maxS) {
    const from = cursor.piece - this.firstPiece;
    const first = this.#pieces[from];
    if (!first) return null;
    const stream = /** @type {Stream} */ (this.streams[first.stream]);
    const most = first.startS + maxS;
    let to = from + 1;
    for (
      let next = this.#pieces[to];
      next && next.stream === first.stream;
      next = this.#pieces[to]
    ) {
      if (next.startS + next.seconds > most) break;
      to++;
    }
    const taken = this.#pieces.slice(from, to);
    const parts = taken.map((piece) => piece.bytes);
    parts[0] = first.bytes.subarray(cursor.skipBytes);
    if (cursor.needsInit) parts.unshift(stream.init);
    const last = /** @type {Piece} */ (taken.at(-1));
    return {
      audio: new Blob(parts, { type: stream.mimeType }),
      startS: first.startS,
      endS: last.startS + last.seconds,
      next: { piece: last.number + 1, skipBytes: 0, needsInit: false },
    };
  }

  /**
   * Let go of everything that is not needed to begin at `timeS`.
   * @param {number} timeS
   */
  release(timeS) {
    const point = this.pointBefore(timeS);
    const first = this.#find(point);
    if (!first) return;
    this.#pieces = this.#pieces.filter((piece) => piece.number >= first.number);
    this.#points = this.#points.filter((other) => other.timeS >= point.timeS);
  }

  /**
   * Let go of a stream that no server can decode.
   * @param {number} stream
   * @returns {number} when the next one begins, or the end
   */
  drop(stream) {
    this.#pieces = this.#pieces.filter((piece) => piece.stream !== stream);
    this.#points = this.#points.filter((point) => point.stream !== stream);
    return this.#pieces[0]?.startS ?? this.#endS;
  }

  /**
   * @param {Point} point
   * @returns {Piece|undefined}
   */
  #find({ stream, offset }) {
    return this.#pieces.find(
      (piece) =>
        piece.stream === stream &&
        piece.offset <= offset &&
        offset < piece.offset + piece.bytes.length,
    );
  }

  /**
   * @param {number} stream
   * @param {number} length
   * @returns {Bytes} the first bytes of a stream that has just begun
   */
  #bytes(stream, length) {
    const bytes = new Uint8Array(length);
    for (const piece of this.#pieces) {
      if (piece.stream !== stream || piece.offset >= length) continue;
      bytes.set(piece.bytes.subarray(0, length - piece.offset), piece.offset);
    }
    return bytes;
  }
}
