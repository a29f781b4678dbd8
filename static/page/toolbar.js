/** What can be done with the transcript that is shown: copy, download, share. */

import { button, byId, el, icon, setText } from "./dom.js";
import { copy, download } from "./downloads.js";
import { t, words } from "./i18n.js";

/** @typedef {import("./transcript.js").Transcript} Transcript */

/** How long a button says that it worked. */
const THANKS_MS = 2000;

export class Toolbar {
  /** @type {Transcript|null} */
  #shown = null;
  /** @type {string|null} */
  #watchUrl = null;
  #listening = new AbortController();

  constructor() {
    this.copy = byId("copy", HTMLButtonElement);
    this.share = byId("share", HTMLElement);
    /** @type {HTMLButtonElement[]} */
    this.formats = [...document.querySelectorAll("button[data-format]")].map(
      (found) => /** @type {HTMLButtonElement} */ (found),
    );
    this.copy.addEventListener("click", () => this.#copy());
    for (const format of this.formats) {
      format.addEventListener("click", () => {
        if (this.#shown) download(this.#shown, format.dataset.format ?? "txt");
      });
    }
    words.addEventListener("change", () => this.#name());
    this.#name();
  }

  /** @param {Transcript} transcript */
  show(transcript) {
    this.#listening.abort();
    this.#listening = new AbortController();
    this.#shown = transcript;
    const { signal } = this.#listening;
    transcript.addEventListener("append", () => this.#enable(), { signal });
    this.#enable();
  }

  /** @param {string|null} url where a second device can follow; null: nowhere */
  setWatchUrl(url) {
    if (url === this.#watchUrl) return;
    this.#watchUrl = url;
    this.#drawShare();
  }

  #enable() {
    const nothing = !this.#shown?.segments.length;
    for (const each of [this.copy, ...this.formats]) each.disabled = nothing;
  }

  async #copy() {
    const worked = await copy(this.#shown?.text ?? "");
    const [mark, label] = [this.copy.querySelector("use"), this.copy.querySelector("span")];
    if (!mark || !label) return;
    mark.setAttribute("href", worked ? "#icon-done" : "#icon-close");
    setText(label, t(worked ? "copied" : "copy.failed"));
    setTimeout(() => {
      mark.setAttribute("href", "#icon-copy");
      setText(label, t("copy"));
    }, THANKS_MS);
  }

  #name() {
    for (const format of this.formats) {
      const label = t("download.as", { format: format.textContent ?? "" });
      format.setAttribute("aria-label", label);
      format.title = label;
    }
    this.#drawShare();
  }

  #drawShare() {
    const url = this.#watchUrl;
    this.share.replaceChildren();
    if (!url) return;
    const link = el("a", {
      href: url,
      target: "_blank",
      rel: "noopener",
      "data-testid": "watch-link",
      title: t("watch.title"),
    });
    link.textContent = t("watch.link");
    const shares = typeof navigator.share === "function";
    const give = button({
      label: t(shares ? "watch.share" : "watch.copy"),
      icon: shares ? "share" : "copy",
      testid: "share",
      run: () => void this.#give(give, url),
    });
    this.share.append(link, give);
  }

  /**
   * @param {HTMLButtonElement} pressed
   * @param {string} url
   */
  async #give(pressed, url) {
    try {
      await navigator.share({ title: t("watch.title"), url });
    } catch (problem) {
      if (problem instanceof DOMException && problem.name === "AbortError") return;
      const worked = await copy(url);
      pressed.replaceChildren(icon(worked ? "done" : "close"));
      pressed.setAttribute("aria-label", t(worked ? "watch.copied" : "copy.failed"));
      setTimeout(() => {
        if (pressed.isConnected) this.#drawShare();
      }, THANKS_MS);
    }
  }
}
