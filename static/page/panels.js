/** The side panels: beside the transcript where there is room, in a dialog on narrow screens. */

import { byId } from "./dom.js";

const WIDE = matchMedia("(min-width: 62rem)");

export class Panels {
  constructor() {
    this.home = byId("panels-home", HTMLElement);
    this.panels = byId("panels", HTMLElement);
    this.dialog = byId("panels-dialog", HTMLDialogElement);
    byId("panels-open", HTMLButtonElement).addEventListener("click", () => this.#show());
    byId("panels-close", HTMLButtonElement).addEventListener("click", () => this.close());
    this.dialog.addEventListener("click", (event) => {
      if (event.target === this.dialog) this.close();
    });
    WIDE.addEventListener("change", () => this.#place());
    this.#place();
  }

  /**
   * @param {string} name of the panel: upload, recordings, microphone or servers
   */
  open(name) {
    const panel = byId(`panel-${name}`, HTMLDetailsElement);
    panel.open = true;
    if (!WIDE.matches) this.#show();
    panel.scrollIntoView({ block: "nearest" });
    const first = panel.querySelector("div button:enabled, input, select, summary");
    if (first instanceof HTMLElement) first.focus();
  }

  close() {
    if (this.dialog.open) this.dialog.close();
  }

  #show() {
    if (!this.dialog.open) this.dialog.showModal();
  }

  #place() {
    if (WIDE.matches) {
      this.close();
      this.home.append(this.panels);
    } else {
      this.dialog.append(this.panels);
    }
  }
}
