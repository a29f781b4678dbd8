/** The browser's tab while recording: its title, its place in the background, its being closed. */

import { clock, t } from "./i18n.js";

/** @typedef {import("../client/types.js").Status} Status */
/** @typedef {import("./notices.js").Notices} Notices */

const RUNNING = new Set(["starting", "recording", "paused", "stopping"]);

export class Tab {
  #state = "idle";
  /** @type {WakeLockSentinel|null} */
  #lock = null;
  #locking = false;
  /** Whether the notice was shown since the tab went into the background. */
  #told = false;

  /** @param {Notices} notices */
  constructor(notices) {
    this.notices = notices;
    addEventListener("beforeunload", (event) => {
      if (RUNNING.has(this.#state)) event.preventDefault();
    });
  }

  /** @param {Status} status */
  show(status) {
    this.#state = status.state;
    document.title = titled(status);
    const recording = status.state === "recording";
    const running = RUNNING.has(status.state);
    if (!running) this.notices.clear("background");
    if (!running || !status.background) this.#told = false;
    else if (recording) this.#tellOnce();
    void this.#stayAwake(recording && !status.background);
  }

  /** Status comes all the time, but the notice is read out, and stays away once dismissed. */
  #tellOnce() {
    if (this.#told) return;
    this.#told = true;
    this.notices.show({ code: "background" });
  }

  /**
   * A phone that falls asleep would stop the microphone. The lock ends by itself in the background.
   *
   * @param {boolean} wanted
   */
  async #stayAwake(wanted) {
    if (this.#locking || !navigator.wakeLock) return;
    this.#locking = true;
    const held = this.#lock !== null && !this.#lock.released;
    try {
      if (wanted && !held) this.#lock = await navigator.wakeLock.request("screen");
      if (!wanted && held) await this.#lock?.release();
    } catch {
      // Low battery or not allowed: the screen goes dark when it would anyway.
    } finally {
      this.#locking = false;
    }
  }
}

/** @param {Status} status */
function titled({ state, elapsedS }) {
  const page = t("title");
  if (state === "recording") return `● ${clock(elapsedS)} – ${page}`;
  return state === "paused" ? `${t("status.paused")} ${clock(elapsedS)} – ${page}` : page;
}
