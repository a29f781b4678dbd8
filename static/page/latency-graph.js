/** The last minute of answers as a small moving line: the whole time, and the server's share. */

import { byId } from "./dom.js";
import { milliseconds, t, words } from "./i18n.js";

const WIDTH = 120;
const HEIGHT = 36;
/** One point a second. */
const POINTS = 60;
const EVERY_MS = 1000;
/** The graph's upper edge is at least this, so that a quick server looks quick. */
const LEAST_TOP_MS = 500;

/** @typedef {{latencyMs: number, serverMs: number|null}} Point */

export class LatencyGraph {
  /** @type {Point[]} */
  #points = [];
  #addedAt = -EVERY_MS;

  constructor() {
    this.graph = byId("graph", SVGSVGElement);
    this.latency = /** @type {SVGPathElement} */ (this.graph.querySelector(".graph-latency"));
    this.server = /** @type {SVGPathElement} */ (this.graph.querySelector(".graph-server"));
    words.addEventListener("change", () => this.#label());
    this.#label();
  }

  /**
   * @param {number|null} latencyMs
   * @param {number|null} serverMs
   */
  add(latencyMs, serverMs) {
    const now = performance.now();
    if (latencyMs === null || now - this.#addedAt < EVERY_MS) return;
    this.#addedAt = now;
    this.#points = [...this.#points, { latencyMs, serverMs }].slice(-POINTS);
    this.#draw();
    this.#label();
  }

  clear() {
    this.#points = [];
    this.#addedAt = -EVERY_MS;
    this.#draw();
    this.#label();
  }

  #draw() {
    const top = Math.max(LEAST_TOP_MS, ...this.#points.map((point) => point.latencyMs));
    const line = (/** @type {(point: Point) => number} */ read) =>
      this.#points
        .map((point, index) => {
          const x = WIDTH - ((this.#points.length - 1 - index) * WIDTH) / (POINTS - 1);
          const y = HEIGHT - 2 - ((HEIGHT - 4) * read(point)) / top;
          return `${index ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
        })
        .join("");
    this.latency.setAttribute(
      "d",
      line((point) => point.latencyMs),
    );
    this.server.setAttribute(
      "d",
      line((point) => point.serverMs ?? 0),
    );
  }

  #label() {
    const values = this.#points.map((point) => point.latencyMs);
    const label = values.length
      ? t("graph.label", {
          least: milliseconds(Math.min(...values)),
          most: milliseconds(Math.max(...values)),
        })
      : t("graph.none");
    this.graph.setAttribute("aria-label", label);
  }
}
