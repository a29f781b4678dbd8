/** How long batches are: short while the server answers quickly, longer when it is slow or says so. */

/** Length of one blob of the recorder, in seconds. */
export const BLOB_S = 0.4;
/** At most so many blobs, which is two seconds. */
const MOST_BLOBS = 5;
const FIRST_BLOBS = 2;
/** A reply that takes longer than its batch by this factor asks for longer batches. */
const SLOW = 2;
/** Replies within so many of the next shorter batch allow it: three requests may be in flight. */
const QUICK = 1.2;
/** So many replies in a row must agree: one is chance. */
const SLOW_REPLIES = 2;
const QUICK_REPLIES = 4;
/** Weight of the newest reply in the smoothed round trip. */
const NEWEST = 0.4;
/** Blobs come a little early or late. */
const SLACK_S = 0.05;

export class Batcher {
  #blobs = FIRST_BLOBS;
  /** What the server asks for at least. */
  #leastBlobs = 1;
  /** @type {number|null} */
  #smoothedS = null;
  #slow = 0;
  #quick = 0;

  /** The length that a batch should have just now, in seconds. */
  get batchS() {
    return Math.max(this.#blobs, this.#leastBlobs) * BLOB_S;
  }

  /**
   * Whether so much audio is worth a request.
   * @param {number} waitingS seconds of audio not yet sent
   */
  isDue(waitingS) {
    return waitingS >= this.batchS - SLACK_S;
  }

  /**
   * Learn how long a reply took.
   *
   * Both ways need several replies in a row that agree, and the bounds lie apart, so that the
   * length does not swing to and fro.
   * @param {number} roundTripS seconds from sending a chunk to its reply
   */
  note(roundTripS) {
    const before = this.#smoothedS ?? roundTripS;
    this.#smoothedS = before + NEWEST * (roundTripS - before);
    const isSlow = roundTripS > SLOW * this.batchS;
    const isQuick = this.#smoothedS < QUICK * (this.#blobs - 1) * BLOB_S;
    this.#slow = isSlow ? this.#slow + 1 : 0;
    this.#quick = isQuick ? this.#quick + 1 : 0;
    if (this.#slow >= SLOW_REPLIES) this.#setBlobs(this.#blobs + 1);
    else if (this.#quick >= QUICK_REPLIES) this.#setBlobs(this.#blobs - 1);
  }

  /**
   * Make batches no shorter than the server suggests, for as long as it does.
   * @param {number|undefined} chunkMs as in the newest reply; an older server suggests nothing
   */
  suggest(chunkMs = 0) {
    this.#leastBlobs = inBounds(Math.ceil(chunkMs / (1000 * BLOB_S)));
  }

  /** @param {number} blobs */
  #setBlobs(blobs) {
    this.#blobs = inBounds(blobs);
    this.#slow = this.#quick = 0;
  }
}

/** @param {number} blobs */
function inBounds(blobs) {
  return Math.min(Math.max(blobs, 1), MOST_BLOBS);
}
