/** One server: what is known of it, and whether it can be used. */

import { authorization } from "./requests.js";

/**
 * @typedef {import("./requests.js").RequestError} RequestError
 * @typedef {import("./types.js").ServerStatus} ServerStatus
 */

/** So many failures in a row, and a server is left. */
const FAILURES_TO_LEAVE = 3;
/** So many good probes in a row, and a better server is returned to. */
const GOOD_PROBES_TO_RETURN = 3;
/** A server that is well by its health but fails to take audio is shunned, longer each time. */
const FIRST_SHUN_MS = 15_000;
const MOST_SHUN_MS = 240_000;
/** Requests that fail together fail once. */
const ONE_FAILURE_MS = 250;
/** A server that refused this recording may be another one after a while. */
const REFUSED_MS = 60_000;

export class Server {
  /** @type {number|null} round trip of the last good probe */
  latencyMs = null;
  detail = "";
  /** @type {string|undefined} */
  reason;
  goodProbes = 0;
  badProbes = 0;
  failedPosts = 0;
  /** Whether a chunk waits for its answer for too long. */
  overdue = false;
  accepting = true;
  /** Whether the last probe was the first good one after bad ones. */
  recovered = false;
  probedMs = Number.NEGATIVE_INFINITY;
  probing = false;
  /** "" for none */
  key = "";
  #shunnedUntilMs = 0;
  #shunMs = FIRST_SHUN_MS;
  #refusedUntilMs = 0;
  /** @type {string|null} the code of its last refusal, until an answer or another key */
  #refusal = null;
  #failedMs = Number.NEGATIVE_INFINITY;
  #everGood = false;
  #isAsked = false;

  /**
   * @param {string} url absolute, without a slash at its end
   * @param {string} name
   */
  constructor(url, name) {
    this.url = url;
    this.name = name;
    if (isMixedContent(url)) this.reason = "mixed-content";
  }

  get blocked() {
    return this.reason === "mixed-content";
  }

  /** Whether it refused this recording a short while ago. */
  get refused() {
    return performance.now() < this.#refusedUntilMs;
  }

  /** What every request there carries, but for probes. */
  get headers() {
    return authorization(this.key);
  }

  get known() {
    return this.blocked || this.refused || this.#isAsked;
  }

  /** Whether its probes say so: three failures, or one that confirms what a request found. */
  get isDead() {
    const inDoubt = this.failedPosts > 0 || this.overdue || !this.#everGood;
    return this.badProbes >= FAILURES_TO_LEAVE || (this.badProbes > 0 && inDoubt);
  }

  /** Whether a session there should be given up if there is another server. */
  get isDown() {
    return this.isDead || this.isShunned;
  }

  get isShunned() {
    return performance.now() < this.#shunnedUntilMs;
  }

  /** Whether a new session can be begun there. */
  get isUsable() {
    const isOpen = !this.blocked && !this.refused && this.accepting;
    return isOpen && !this.isDead && this.goodProbes > 0;
  }

  /** Whether nothing speaks against it, or it has not been asked yet. */
  get isBeyondDoubt() {
    if (!this.known) return true;
    const hasFailed = this.badProbes > 0 || this.failedPosts > 0 || this.overdue;
    return this.isUsable && !this.isShunned && !hasFailed;
  }

  /** Whether it has been well for long enough to be returned to. */
  get isSteady() {
    return this.isUsable && !this.isShunned && this.goodProbes >= GOOD_PROBES_TO_RETURN;
  }

  /** @param {number} latencyMs */
  wellProbed(latencyMs) {
    this.latencyMs = latencyMs;
    this.recovered = this.badProbes > 0;
    this.#isAsked = true;
    this.goodProbes++;
    this.badProbes = 0;
    this.#everGood = true;
    if (!this.isShunned && !this.refused) this.#explain("");
  }

  /**
   * @param {string} reason
   * @param {string} detail
   */
  badlyProbed(reason, detail) {
    this.goodProbes = 0;
    this.badProbes++;
    this.#isAsked = true;
    this.#explain(detail, reason);
  }

  /** @param {RequestError} error */
  postFailed(error) {
    const now = performance.now();
    if (now - this.#failedMs < ONE_FAILURE_MS) return;
    this.#failedMs = now;
    this.failedPosts++;
    const seemsWell = this.badProbes === 0 && this.goodProbes > 0;
    if (this.failedPosts < FAILURES_TO_LEAVE || !seemsWell) return;
    this.#shunnedUntilMs = now + this.#shunMs;
    this.#shunMs = Math.min(2 * this.#shunMs, MOST_SHUN_MS);
    this.failedPosts = 0;
    this.goodProbes = 0;
    this.#explain(error.message, error.kind === "not-json" ? "not-json" : "no-answer");
  }

  postAnswered() {
    this.failedPosts = this.badProbes = this.#shunnedUntilMs = 0;
    this.#shunMs = FIRST_SHUN_MS;
    this.overdue = false;
    this.#refusal = null;
  }

  /** A session begins there: what was overdue belongs to the one before. */
  begin() {
    this.failedPosts = 0;
    this.overdue = false;
  }

  /**
   * @param {RequestError} error why it will not have this recording
   * @returns {boolean} whether that is new
   */
  refuse(error) {
    const isNew = error.code !== this.#refusal;
    this.#refusal = error.code;
    this.#refusedUntilMs = performance.now() + REFUSED_MS;
    this.#explain(error.message, error.wantsKey ? "key" : "refused");
    return isNew;
  }

  /** @param {string} key another one ends what the server refused to the one before */
  useKey(key) {
    if (key === this.key) return;
    this.key = key;
    this.#refusal = null;
    if (!this.refused) return;
    this.#refusedUntilMs = 0;
    this.#explain("");
  }

  /**
   * @param {string} detail
   * @param {string} [reason]
   */
  #explain(detail, reason) {
    this.detail = detail;
    this.reason = reason;
  }

  /** @returns {ServerStatus} */
  get status() {
    const { url, name, latencyMs, detail, reason } = this;
    return { url, name, state: this.#state(), latencyMs, detail, ...(reason && { reason }) };
  }

  /** @returns {ServerStatus["state"]} */
  #state() {
    if (this.blocked) return "blocked";
    if (!this.known) return "unknown";
    if (this.isDown || this.refused) return "down";
    return this.accepting ? "up" : "full";
  }
}

/**
 * Browsers let an https page use http only on this very machine.
 * @param {string} url
 */
function isMixedContent(url) {
  const { protocol, hostname } = new URL(url);
  const isLocal = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  return (
    globalThis.isSecureContext && location.protocol === "https:" && protocol === "http:" && !isLocal
  );
}
