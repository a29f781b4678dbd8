/**
 * Where the bytes of a recording can be entered: a decoder that gets the init segment and then
 * the bytes from such a point on decodes all that follows. Replay after a failover rests on it.
 */

/**
 * @typedef {object} AccessPoint
 * @property {number} offset bytes since the stream's start
 * @property {number} timeS seconds since the stream's start
 *
 * @typedef {object} ContainerIndex
 * @property {number} initBytes length of the init segment, 0 as long as it is not known
 * @property {(bytes: Uint8Array<ArrayBuffer>) => AccessPoint[]} push takes the next bytes, gives the points they
 *   complete
 */

/**
 * @param {string} mimeType as the recorder names it
 * @returns {ContainerIndex}
 */
export function indexFor(mimeType) {
  if (mimeType.startsWith("audio/webm") || mimeType.startsWith("video/webm")) {
    return new WebmIndex();
  }
  if (mimeType.startsWith("audio/mp4") || mimeType.startsWith("video/mp4")) {
    return new Mp4Index();
  }
  if (mimeType.startsWith("audio/l16")) return new PcmIndex(mimeType);
  return new WholeIndex();
}

/** A container that nothing is known about can be entered at its start only. */
class WholeIndex {
  initBytes = 0;
  #begun = false;

  /** @returns {AccessPoint[]} */
  push() {
    if (this.#begun) return [];
    this.#begun = true;
    return [{ offset: 0, timeS: 0 }];
  }
}

/** Raw 16-bit mono sound can be entered anywhere; each piece is a point. */
class PcmIndex {
  initBytes = 0;
  #offset = 0;
  #bytesPerS;

  /** @param {string} mimeType */
  constructor(mimeType) {
    this.#bytesPerS = 2 * Number(/rate=(\d+)/.exec(mimeType)?.[1] ?? 16000);
  }

  /**
   * @param {Uint8Array} bytes
   * @returns {AccessPoint[]}
   */
  push(bytes) {
    const offset = this.#offset;
    this.#offset += bytes.length;
    return [{ offset, timeS: offset / this.#bytesPerS }];
  }
}

const CLUSTER = [0x1f, 0x43, 0xb6, 0x75];
const TIMESTAMP = 0xe7;
const TIMESTAMP_SCALE = [0x2a, 0xd7, 0xb1];
/** A cluster's id, its size and its timestamp take at most so many bytes. */
const CLUSTER_HEAD_BYTES = 4 + 8 + 1 + 1 + 8;
const NS_PER_S = 1e9;

/** WebM: clusters, whose timestamps count from the recording's start. */
export class WebmIndex {
  initBytes = 0;
  /** @type {Uint8Array<ArrayBuffer>} bytes that may begin a cluster whose head is not complete */
  #rest = new Uint8Array(0);
  #offset = 0;
  #scaleS = 1e-3;
  /** @type {number|null} */
  #firstTick = null;

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes
   * @returns {AccessPoint[]}
   */
  push(bytes) {
    const data = joined(this.#rest, bytes);
    const points = [];
    let at = 0;
    for (; at + CLUSTER_HEAD_BYTES <= data.length; at++) {
      const tick = clusterTick(data, at);
      if (tick === null) continue;
      if (this.#firstTick === null) {
        this.initBytes = this.#offset + at;
        this.#scaleS = timestampScaleS(data.subarray(0, at));
        this.#firstTick = tick;
      }
      const timeS = (tick - this.#firstTick) * this.#scaleS;
      points.push({ offset: this.#offset + at, timeS });
    }
    // Until the first cluster everything is kept: the scale may stand anywhere before it.
    const kept = this.#firstTick === null ? 0 : at;
    this.#rest = data.slice(kept);
    this.#offset += kept;
    return points;
  }
}

/**
 * @param {Uint8Array} data
 * @param {number} at
 * @returns {number|null} the timestamp of the cluster that begins here; null if none does
 */
function clusterTick(data, at) {
  if (!CLUSTER.every((byte, i) => data[at + i] === byte)) return null;
  const timestampAt = at + CLUSTER.length + vintLength(data[at + CLUSTER.length] ?? 0);
  if (data[timestampAt] !== TIMESTAMP) return null;
  const length = (data[timestampAt + 1] ?? 0) & 0x7f;
  return length <= 8 ? bigEndian(data, timestampAt + 2, length) : null;
}

/** @param {number} first the first byte of an EBML number */
function vintLength(first) {
  return Math.clz32(first) - 23;
}

/** @param {Uint8Array} header */
function timestampScaleS(header) {
  for (let at = 0; at + 4 < header.length; at++) {
    if (TIMESTAMP_SCALE.every((byte, i) => header[at + i] === byte)) {
      const length = (header[at + 3] ?? 0) & 0x7f;
      return bigEndian(header, at + 4, length) / NS_PER_S;
    }
  }
  return 1e-3;
}

/** Fragmented MP4: each `moof` box begins a fragment, whose `tfdt` tells its time. */
export class Mp4Index {
  initBytes = 0;
  /** @type {Uint8Array<ArrayBuffer>} */
  #rest = new Uint8Array(0);
  #offset = 0;
  /** Bytes of a box that is none of ours and has not come yet. */
  #skip = 0;
  #ticksPerS = 0;
  /** @type {number|null} */
  #firstTick = null;

  /**
   * @param {Uint8Array<ArrayBuffer>} bytes
   * @returns {AccessPoint[]}
   */
  push(bytes) {
    const points = [];
    this.#rest = joined(this.#rest, bytes);
    for (;;) {
      this.#drop(Math.min(this.#skip, this.#rest.length));
      const box = this.#skip ? null : boxAt(this.#rest, 0);
      if (box === null) return points;
      const isOurs = box.type === "moov" || box.type === "moof";
      if (isOurs && this.#rest.length < box.size) return points;
      const body = this.#rest.subarray(box.headBytes, box.size);
      if (box.type === "moov") this.#ticksPerS = ticksPerSecond(body);
      if (box.type === "moof") points.push(this.#fragment(body));
      this.#skip = box.size;
    }
  }

  /** @param {Uint8Array} body of a `moof` box */
  #fragment(body) {
    this.initBytes ||= this.#offset;
    const tick = fragmentTick(body);
    this.#firstTick ??= tick;
    const timeS = this.#ticksPerS ? (tick - this.#firstTick) / this.#ticksPerS : 0;
    return { offset: this.#offset, timeS };
  }

  /** @param {number} length */
  #drop(length) {
    if (length === 0) return;
    this.#rest = this.#rest.slice(length);
    this.#offset += length;
    this.#skip -= length;
  }
}

/**
 * @param {Uint8Array} data
 * @param {number} at
 * @returns {{type: string, size: number, headBytes: number}|null} null if its head is incomplete
 */
function boxAt(data, at) {
  if (data.length < at + 8) return null;
  const type = String.fromCharCode(...data.subarray(at + 4, at + 8));
  const size = bigEndian(data, at, 4);
  if (size !== 1)
    return { type, size: size === 0 ? Number.MAX_SAFE_INTEGER : Math.max(size, 8), headBytes: 8 };
  return data.length < at + 16
    ? null
    : { type, size: Math.max(bigEndian(data, at + 8, 8), 16), headBytes: 16 };
}

/**
 * @param {Uint8Array} data the inside of a box
 * @param {string[]} path types of boxes, each inside the one before
 * @returns {Uint8Array|null} the inside of the last
 */
function inside(data, path) {
  const [wanted, ...deeper] = path;
  if (wanted === undefined) return data;
  for (let at = 0, box = boxAt(data, 0); box !== null; at += box.size, box = boxAt(data, at)) {
    if (box.type === wanted)
      return inside(data.subarray(at + box.headBytes, at + box.size), deeper);
  }
  return null;
}

/** @param {Uint8Array} moov */
function ticksPerSecond(moov) {
  const mdhd = inside(moov, ["trak", "mdia", "mdhd"]);
  if (mdhd === null) return 0;
  return bigEndian(mdhd, mdhd[0] === 1 ? 20 : 12, 4);
}

/** @param {Uint8Array} moof */
function fragmentTick(moof) {
  const tfdt = inside(moof, ["traf", "tfdt"]);
  if (tfdt === null) return 0;
  return bigEndian(tfdt, 4, tfdt[0] === 1 ? 8 : 4);
}

/**
 * @param {Uint8Array} data
 * @param {number} at
 * @param {number} length
 */
function bigEndian(data, at, length) {
  let value = 0;
  for (let i = 0; i < length; i++) value = value * 256 + (data[at + i] ?? 0);
  return value;
}

/**
 * @param {Uint8Array<ArrayBuffer>} a
 * @param {Uint8Array<ArrayBuffer>} b
 */
function joined(a, b) {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
