/** Problems and offers, each in its own words and with ways on. One notice per code. */

import { button, byId, el } from "./dom.js";
import { isKey, t, words } from "./i18n.js";

/**
 * @typedef {object} Way
 * @property {import("./i18n.js").Key} label
 * @property {() => void} run
 * @property {string} [testid]
 *
 * @typedef {object} Notice
 * @property {string} code with `problem.<code>` and `help.<code>` among the messages
 * @property {() => Record<string, string|number>} [values] of the message, in the page's language
 * @property {string} [message] to show for a code without messages
 * @property {Way[]} [ways]
 * @property {boolean} [urgent] read out at once
 */

export class Notices {
  /** @type {Map<string, Notice>} */
  #shown = new Map();

  constructor() {
    this.place = byId("notices", HTMLElement);
    const stage = byId("stage", HTMLElement);
    // The transcript ends above the notices, however high they are.
    new ResizeObserver(([entry]) => {
      stage.style.setProperty("--noticed", `${entry?.contentRect.height ?? 0}px`);
    }).observe(this.place);
    words.addEventListener("change", () => this.#drawAll());
  }

  /** @param {Notice} notice */
  show(notice) {
    this.#shown.delete(notice.code);
    this.#shown.set(notice.code, notice);
    this.#find(notice.code)?.remove();
    this.place.prepend(this.#draw(notice));
  }

  /** @param {...string} codes */
  clear(...codes) {
    for (const code of codes) {
      this.#shown.delete(code);
      this.#find(code)?.remove();
    }
  }

  clearAll() {
    this.clear(...this.#shown.keys());
  }

  #drawAll() {
    this.place.replaceChildren(
      ...[...this.#shown.values()].reverse().map((one) => this.#draw(one)),
    );
  }

  /** @param {Notice} notice */
  #draw(notice) {
    const { code, ways = [], urgent = false, message = "" } = notice;
    const values = notice.values?.() ?? {};
    const [title, help] = [`problem.${code}`, `help.${code}`];
    const heading = el("strong", {}, isKey(title) ? t(title, values) : t("problem.unknown"));
    const text = el("p", { dir: "auto" }, isKey(help) ? t(help, values) : message);
    const close = button({ label: t("dismiss"), icon: "close", run: () => this.clear(code) });
    const buttons = ways.map((way, at) =>
      button({ label: t(way.label), quiet: at > 0, testid: way.testid ?? "", run: way.run }),
    );
    const body = el("div", { class: "notice-body" }, heading, text);
    if (buttons.length) body.append(el("p", { class: "row" }, ...buttons));
    const about = { class: "notice", "data-testid": "notice", "data-code": code };
    return el("section", { ...about, role: urgent ? "alert" : "status" }, body, close);
  }

  /** @param {string} code */
  #find(code) {
    return [...this.place.children].find(
      (one) => /** @type {HTMLElement} */ (one).dataset.code === code,
    );
  }
}
