/** The server in use, how it answers, and how far sending has come, in words and numbers. */

import { byId, setText } from "./dom.js";
import { clock, milliseconds, seconds, t, words } from "./i18n.js";
import { LatencyGraph } from "./latency-graph.js";

/** @typedef {import("../client/types.js").Status} Status */

const NOTHING = "–";

export class StatusView {
  /** @type {Status|null} */
  #status = null;
  #idle = { server: "", text: () => "" };

  constructor() {
    this.graph = new LatencyGraph();
    this.server = byId("server", HTMLElement);
    this.line = byId("status", HTMLElement);
    this.elapsed = byId("elapsed", HTMLElement);
    this.latency = byId("latency", HTMLElement);
    this.serverTime = byId("server-time", HTMLElement);
    this.batch = byId("batch", HTMLElement);
    this.pending = byId("pending", HTMLElement);
    words.addEventListener("change", () => this.#draw());
  }

  /**
   * What to say while nothing is recorded.
   *
   * @param {string} server its name
   * @param {() => string} text
   */
  setIdle(server, text) {
    this.#idle = { server, text };
    this.#draw();
  }

  /** @param {Status} status */
  show(status) {
    this.#status = status;
    document.body.dataset.state = status.state;
    document.body.dataset.connection = status.connection;
    if (status.state === "recording") this.graph.add(status.latencyMs, status.serverMs);
    this.#draw();
  }

  #draw() {
    const status = this.#status;
    const quiet = !status || status.state === "idle";
    setText(this.server, (!quiet && status.server?.name) || this.#idle.server);
    setText(this.line, quiet ? this.#idle.text() : sentence(status));
    setText(this.elapsed, clock(status?.elapsedS ?? 0));
    setText(this.latency, measured(status?.latencyMs, milliseconds));
    setText(this.serverTime, measured(status?.serverMs, milliseconds));
    setText(this.batch, measured(status?.batchS || null, seconds));
    // Once every word is final nothing waits, whatever silence was left at the end.
    const pendingS = quiet || status.state === "finished" ? 0 : status.pendingS;
    setText(this.pending, measured(quiet ? null : pendingS, seconds));
    this.pending.dataset.value = String(pendingS);
  }
}

/**
 * @param {number|null|undefined} value
 * @param {(value: number) => string} format
 */
function measured(value, format) {
  return typeof value === "number" ? format(value) : NOTHING;
}

/** @param {Status} status */
function sentence(status) {
  if (status.state === "failed") return t("status.failed");
  if (status.state === "finished") return t("status.finished");
  if (status.connection === "waiting") {
    const key = status.servers.some(({ reason }) => reason === "key");
    return t(key ? "status.waiting-key" : "status.waiting");
  }
  if (status.state === "paused") return t("status.paused");
  if (status.state === "stopping") return t("status.stopping");
  if (status.connection === "switched") {
    return t("status.switched", { first: status.servers[0]?.name ?? "" });
  }
  return t(status.connection === "ok" ? "status.ok" : "status.starting");
}
