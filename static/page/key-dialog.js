/** Asks for the key of a server, and keeps offering to where none was given. */

import { byId, setText } from "./dom.js";
import { t } from "./i18n.js";
import { addressOf, keys } from "./keys.js";

/** @typedef {import("./notices.js").Notices} Notices */

export class KeyDialog {
  /** @type {Map<string, Promise<boolean>>} servers that are asked for or wait to be, by address */
  #asked = new Map();
  /** @type {Promise<unknown>} there is one dialog, so one server comes after the other */
  #last = Promise.resolve();
  #server = "";
  /** The server that the notice is about. */
  #missed = "";

  /** @param {Notices} notices */
  constructor(notices) {
    this.notices = notices;
    this.dialog = byId("key-dialog", HTMLDialogElement);
    this.form = byId("key-form", HTMLFormElement);
    this.server = byId("key-server", HTMLElement);
    this.key = byId("key", HTMLInputElement);
    this.error = byId("key-error", HTMLElement);
    this.submit = byId("key-submit", HTMLButtonElement);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#try();
    });
    byId("key-cancel", HTMLButtonElement).addEventListener("click", () => this.dialog.close());
    keys.addEventListener("change", (event) => {
      const { detail } = /** @type {CustomEvent} */ (event);
      if (detail === this.#missed) notices.clear("key-needed");
    });
  }

  /**
   * @param {string} server that asks for a key
   * @param {() => void} [goOn] what waits for it
   */
  async need(server, goOn) {
    const address = addressOf(server);
    if (await (this.#asked.get(address) ?? this.#queue(address))) goOn?.();
    else this.#offer(address, goOn);
  }

  /** @param {string} server @returns {Promise<boolean>} whether a key was given */
  #queue(server) {
    const asked = this.#last.then(() => this.#ask(server));
    this.#asked.set(server, asked);
    this.#last = asked;
    return asked;
  }

  /** @param {string} server @returns {Promise<boolean>} */
  #ask(server) {
    this.#server = server;
    setText(this.server, server.replace(/\/$/u, ""));
    this.dialog.returnValue = "";
    this.#mark(false);
    this.dialog.showModal();
    return new Promise((resolve) => {
      const closed = () => {
        this.form.reset(); // The key is not left in the page.
        this.#asked.delete(server);
        resolve(this.dialog.returnValue === "given");
      };
      this.dialog.addEventListener("close", closed, { once: true });
    });
  }

  async #try() {
    const server = this.#server;
    const key = this.key.value.trim();
    this.submit.disabled = true;
    const given = key !== "" && (await keys.give(server, key));
    if (!this.dialog.open || server !== this.#server) return; // It was closed meanwhile.
    if (given) this.dialog.close("given");
    else this.#mark(true);
  }

  /** @param {boolean} wrong whether the key that was given is */
  #mark(wrong) {
    this.submit.disabled = false;
    this.key.setAttribute("aria-invalid", String(wrong));
    setText(this.error, wrong ? t("key.wrong") : "");
    if (wrong) this.key.select();
  }

  /**
   * @param {string} server
   * @param {() => void} [goOn]
   */
  #offer(server, goOn) {
    this.#missed = server;
    const run = () => {
      this.notices.clear("key-needed");
      void this.need(server, goOn);
    };
    this.notices.show({
      code: "key-needed",
      values: () => ({ server: new URL(server).host }),
      ways: [{ label: "way.key", testid: "enter-key", run }],
      urgent: true,
    });
  }
}
