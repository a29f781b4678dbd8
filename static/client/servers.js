/** The servers that may be used: which of them live, and which is the best just now. */

import { requestJson } from "./requests.js";
import { Server } from "./server.js";

/**
 * @typedef {import("./requests.js").RequestError} RequestError
 * @typedef {import("./types.js").ServerAddress} ServerAddress
 */

const PROBE_EVERY_MS = 5_000;
const PROBE_TIMEOUT_MS = 2_000;
const TICK_MS = 1_000;

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
    for (const { url, name, key = "" } of addresses) {
      const absolute = normalised(url, baseUrl);
      if (chosen.has(absolute)) continue;
      const known = this.list.find((server) => server.url === absolute);
      const server = known ?? new Server(absolute, name || new URL(absolute).host);
      server.useKey(key);
      chosen.set(absolute, server);
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
   * One that is shunned is better than none.
   * @returns {Server|null}
   */
  best() {
    for (const server of this.list) {
      if (server.isUsable && !server.isShunned) return server;
      if (!server.known) return null;
    }
    return this.list.find((server) => server.isUsable) ?? null;
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
