/** The servers that may be used: which of them live, and which is the best just now. */

import { RequestError, requestJson } from "./requests.js";

/**
 * @typedef {import("./types.js").ServerAddress} ServerAddress
 * @typedef {import("./types.js").ServerStatus} ServerStatus
 */

const PROBE_EVERY_MS = 5_000;
const PROBE_TIMEOUT_MS = 2_000;
const TICK_MS = 1_000;
/** So many failures in a row, and a server is left. */
const FAILURES_TO_LEAVE = 3;
/** So many good probes in a row, and a better server is returned to. */
const GOOD_PROBES_TO_RETURN = 3;
/** A server that is well by its health but fails to take audio is shunned, longer each time. */
const FIRST_SHUN_MS = 15_000;
const MOST_SHUN_MS = 240_000;

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
  /** Whether it refused this recording: it is not asked again. */
  refused = false;
  probedMs = Number.NEGATIVE_INFINITY;
  probing = false;
  #shunnedUntilMs = 0;
  #shunMs = FIRST_SHUN_MS;
  #everGood = false;

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

  get known() {
    return this.blocked || this.refused || this.goodProbes + this.badProbes > 0;
  }

  /** Whether a session there should be given up: three failures, or one that a probe confirms. */
  get isDown() {
    const confirmed =
      this.badProbes > 0 && (this.failedPosts > 0 || this.overdue || !this.#everGood);
    return this.badProbes >= FAILURES_TO_LEAVE || confirmed || this.isShunned;
  }

  get isShunned() {
    return performance.now() < this.#shunnedUntilMs;
  }

  /** Whether a new session can be begun there. */
  get isUsable() {
    return !this.blocked && !this.refused && !this.isDown && this.accepting && this.goodProbes > 0;
  }

  /** Whether nothing speaks against it, or it has not been asked yet. */
  get isBeyondDoubt() {
    if (!this.known) return true;
    return this.isUsable && this.badProbes === 0 && this.failedPosts === 0 && !this.overdue;
  }

  /** Whether it has been well for long enough to be returned to. */
  get isSteady() {
    return this.isUsable && this.goodProbes >= GOOD_PROBES_TO_RETURN;
  }

  /** @param {number} latencyMs */
  wellProbed(latencyMs) {
    this.latencyMs = latencyMs;
    this.goodProbes++;
    this.badProbes = 0;
    this.#everGood = true;
    if (!this.isShunned && !this.refused) {
      this.detail = "";
      this.reason = undefined;
    }
  }

  /**
   * @param {string} reason
   * @param {string} detail
   */
  badlyProbed(reason, detail) {
    this.goodProbes = 0;
    this.badProbes++;
    this.reason = reason;
    this.detail = detail;
  }

  /** @param {RequestError} error */
  postFailed(error) {
    this.failedPosts++;
    if (this.failedPosts < FAILURES_TO_LEAVE) return;
    this.#shunnedUntilMs = performance.now() + this.#shunMs;
    this.#shunMs = Math.min(2 * this.#shunMs, MOST_SHUN_MS);
    this.failedPosts = 0;
    this.goodProbes = 0;
    this.reason = error.kind === "not-json" ? "not-json" : "no-answer";
    this.detail = error.message;
  }

  postAnswered() {
    this.failedPosts = 0;
    this.overdue = false;
    this.badProbes = 0;
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

/** Emits `change` whenever something about a server is new. */
export class Servers extends EventTarget {
  /** @type {Server[]} */
  list = [];
  /** @type {ReturnType<typeof setInterval>|undefined} */
  #timer;
  #online = () => {
    for (const server of this.list) server.probedMs = Number.NEGATIVE_INFINITY;
    this.tick();
  };

  /**
   * @param {ServerAddress[]} addresses preferred first
   * @param {string} baseUrl what relative addresses are relative to
   */
  constructor(addresses, baseUrl) {
    super();
    this.replace(addresses, baseUrl);
  }

  /**
   * Use another list; what is known of servers that stay is kept.
   * @param {ServerAddress[]} addresses
   * @param {string} baseUrl
   */
  replace(addresses, baseUrl) {
    /** @type {Map<string, Server>} */
    const chosen = new Map();
    for (const { url, name } of addresses) {
      const absolute = normalised(url, baseUrl);
      const known = this.list.find((server) => server.url === absolute);
      if (!chosen.has(absolute)) {
        chosen.set(absolute, known ?? new Server(absolute, name || new URL(absolute).host));
      }
    }
    this.list = [...chosen.values()];
    if (this.#timer) this.tick();
  }

  /** Begin to probe, at once and then every five seconds. */
  start() {
    if (this.#timer) return;
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    globalThis.addEventListener("online", this.#online);
    this.tick();
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    globalThis.removeEventListener("online", this.#online);
  }

  /**
   * Probe what is due. Recorders call it too: timers are slowed down in hidden tabs.
   *
   * Servers behind one that is well are let alone. They are not needed now, and where nothing
   * listens each probe is an error in the console; one on this machine may even make the browser
   * ask its user for permission.
   */
  tick() {
    const now = performance.now();
    for (const server of this.list) {
      if (now - server.probedMs >= PROBE_EVERY_MS) void this.probe(server);
      if (server.isBeyondDoubt) break;
    }
  }

  /** @param {Server} server that failed just now: look at it, and at those behind it */
  doubt(server) {
    void this.probe(server);
    this.tick();
  }

  /**
   * The best server for a new session; null while none is usable or a better one is not yet known.
   * @returns {Server|null}
   */
  best() {
    for (const server of this.list) {
      if (server.isUsable) return server;
      if (!server.known) return null;
    }
    return null;
  }

  /**
   * A server before this one that has been well for a while.
   * @param {Server} current
   * @returns {Server|null}
   */
  better(current) {
    const at = this.list.indexOf(current);
    const before = at < 0 ? this.list : this.list.slice(0, at);
    return before.find((server) => server.isSteady) ?? null;
  }

  /** @param {Server} server */
  async probe(server) {
    if (server.probing || server.blocked) return;
    server.probing = true;
    server.probedMs = performance.now();
    try {
      const { status, body } = await requestJson(`${server.url}/health`, {
        timeoutMs: PROBE_TIMEOUT_MS,
        accept: [503],
      });
      judge(server, status, body, performance.now() - server.probedMs);
    } catch (error) {
      const { kind, message } = /** @type {RequestError} */ (error);
      server.badlyProbed(kind === "not-json" ? "not-json" : "no-answer", message);
    }
    server.probing = false;
    if (this.#timer) this.tick();
    this.dispatchEvent(new Event("change"));
  }
}

/**
 * @param {Server} server
 * @param {number} status
 * @param {{status?: string, detail?: string, accepting?: boolean}} health
 * @param {number} latencyMs
 */
function judge(server, status, health, latencyMs) {
  if (status === 200 && (health.status === "ok" || health.status === "degraded")) {
    server.accepting = health.accepting !== false;
    server.wellProbed(latencyMs);
  } else {
    const reason = health.status?.replaceAll("_", "-") ?? "not-json";
    server.badlyProbed(reason, health.detail ?? `status ${status}`);
  }
}

/**
 * @param {string} url
 * @param {string} baseUrl
 */
function normalised(url, baseUrl) {
  const absolute = new URL(url, baseUrl);
  absolute.search = absolute.hash = "";
  return absolute.href.replace(/\/+$/, "");
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
