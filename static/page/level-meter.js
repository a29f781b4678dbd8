/** How loud it is: a bar for the loudness, a mark that stays a moment at the peak. */

import { byId } from "./dom.js";

/** Sound below this is drawn as silence, in decibels under full scale. */
const FLOOR_DB = -60;
/** A screen reader hears of a new level no more often than this. */
const TELL_MS = 1000;
/** The peak mark falls by this share of the whole bar per level event, about 20 a second. */
const FALL = 0.012;

export class LevelMeter {
  #peak = 0;
  #toldAt = 0;

  constructor() {
    this.meter = byId("level", HTMLElement);
    this.fill = /** @type {HTMLElement} */ (this.meter.querySelector(".level-fill"));
    this.mark = /** @type {HTMLElement} */ (this.meter.querySelector(".level-peak"));
  }

  /** @param {{rms: number, peak: number}} level each 0 to 1 */
  show({ rms, peak }) {
    const [loud, high] = [height(rms), height(peak)];
    this.#peak = Math.max(high, this.#peak - FALL);
    this.fill.style.transform = `scaleX(${loud.toFixed(3)})`;
    this.mark.style.setProperty("--peak", this.#peak.toFixed(3));
    this.#tell(loud);
  }

  reset() {
    this.#peak = 0;
    this.#toldAt = 0;
    this.show({ rms: 0, peak: 0 });
  }

  /** @param {number} loud 0 to 1 */
  #tell(loud) {
    const now = performance.now();
    if (this.#toldAt && now - this.#toldAt < TELL_MS) return;
    this.#toldAt = now;
    this.meter.setAttribute("aria-valuenow", String(Math.round(100 * loud)));
  }
}

/**
 * Loudness as the ear takes it: in decibels, from the floor to full scale.
 *
 * @param {number} amplitude 0 to 1
 * @returns {number} 0 to 1
 */
function height(amplitude) {
  if (amplitude <= 0) return 0;
  return Math.min(1, Math.max(0, 1 - (20 * Math.log10(amplitude)) / FLOOR_DB));
}
