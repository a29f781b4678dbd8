/** The list of servers on the page: how each one is, their order, adding and removing. */

import { button, byId, el, setText } from "./dom.js";
import { isKey, milliseconds, t, words } from "./i18n.js";
import { keys } from "./keys.js";
import { probe } from "./probe.js";
import { serverUrl } from "./server-list.js";

/** @typedef {import("./server-list.js").Server} Server */
/** @typedef {import("./server-list.js").ServerList} ServerList */
/** @typedef {import("./probe.js").Probed} Probed */

/** Why a server that answers all the same can't be used. */
const REFUSALS = new Set(["reason.key", "reason.refused"]);

/** Tells `probed` when a server's state has become known. */
export class ServersEditor extends EventTarget {
  /** @type {Map<string, Probed|"checking">} */
  #known = new Map();

  /** @param {ServerList} list */
  constructor(list) {
    super();
    this.list = list;
    this.rows = byId("servers", HTMLElement);
    this.form = byId("server-form", HTMLFormElement);
    this.url = byId("server-url", HTMLInputElement);
    this.name = byId("server-name", HTMLInputElement);
    this.error = byId("server-error", HTMLElement);
    this.reset = byId("servers-reset", HTMLButtonElement);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add();
    });
    this.reset.addEventListener("click", () => list.edit(null));
    byId("servers-check", HTMLButtonElement).addEventListener("click", () => void this.check());
    list.addEventListener("change", () => void this.look());
    keys.addEventListener("change", (event) => {
      void this.#ask(/** @type {CustomEvent} */ (event).detail);
    });
    words.addEventListener("change", () => this.#draw());
    this.#draw();
  }

  /** @returns {{server: Server, probed: Probed|null}[]} in the list's order */
  get states() {
    return this.list.servers.map((server) => {
      const known = this.#known.get(server.url);
      return { server, probed: known && known !== "checking" ? known : null };
    });
  }

  /** Ask one server after the other until one answers; those after it are left in peace. */
  async look() {
    this.#draw();
    for (const { url } of this.list.servers) {
      if (!this.#known.has(url)) await this.#ask(url);
      if (this.states.some(({ probed }) => probed?.state === "up")) return;
    }
  }

  /** Ask every server. */
  async check() {
    await Promise.all(this.list.servers.map(({ url }) => this.#ask(url)));
  }

  /** @param {{url: string, state: Probed["state"], latencyMs: number|null, reason?: string}[]} told while recording */
  learn(told) {
    for (const server of told) {
      if (server.state !== "unknown") this.#known.set(serverUrl(server.url)?.href ?? "", server);
    }
    this.#describeAll();
  }

  /** @param {string} url */
  async #ask(url) {
    this.#known.set(url, "checking");
    this.#describeAll();
    this.#known.set(url, await probe(url));
    this.#describeAll();
    this.dispatchEvent(new Event("probed"));
  }

  #add() {
    const url = serverUrl(this.url.value);
    const { servers } = this.list;
    const twice = servers.some((server) => server.url === url?.href);
    const wrong = url ? (twice ? t("servers.twice") : "") : t("servers.bad-address");
    setText(this.error, wrong);
    this.url.setAttribute("aria-invalid", String(Boolean(wrong)));
    if (!url || wrong) {
      this.url.focus();
      return;
    }
    const name = this.name.value.trim() || url.host;
    this.form.reset();
    this.list.edit([...servers, { url: url.href, name }]);
    void this.#ask(url.href);
    this.url.focus();
  }

  #draw() {
    const { servers, edited } = this.list;
    this.reset.hidden = !edited;
    this.rows.replaceChildren(...servers.map((server, at) => this.#row(server, at)));
  }

  /**
   * @param {Server} server
   * @param {number} at
   */
  #row(server, at) {
    const { servers } = this.list;
    const up = button({
      label: t("servers.up", { name: server.name }),
      icon: "up",
      run: () => {
        const others = servers.filter((other) => other !== server);
        this.list.edit([...others.slice(0, at - 1), server, ...others.slice(at - 1)]);
        this.rows.children[at - 1]?.querySelector("button")?.focus();
      },
    });
    up.disabled = at === 0;
    const remove = button({
      label: t("servers.remove", { name: server.name }),
      icon: "remove",
      run: () => {
        this.list.edit(servers.filter((other) => other !== server));
        this.url.focus();
      },
    });
    remove.disabled = servers.length === 1;
    const name = el("strong", { dir: "auto" }, server.name);
    const address = el("span", { class: "address", dir: "ltr" }, server.url.replace(/\/$/u, ""));
    const state = el("span", { class: "server-state" });
    const about = el("div", { class: "about" }, name, address, state);
    const row = el(
      "li",
      { "data-url": server.url, "data-testid": "server-row" },
      about,
      up,
      remove,
    );
    this.#describe(row);
    return row;
  }

  #describeAll() {
    for (const row of this.rows.children) this.#describe(/** @type {HTMLElement} */ (row));
  }

  /** @param {HTMLElement} row */
  #describe(row) {
    const known = this.#known.get(row.dataset.url ?? "");
    const line = row.querySelector(".server-state");
    if (!line) return;
    const state = known === "checking" ? "checking" : (known?.state ?? "unknown");
    row.dataset.state = state;
    const probed = typeof known === "object" ? known : null;
    const latency = milliseconds(probed?.latencyMs ?? 0);
    const reason = `reason.${probed?.reason ?? ""}`;
    const how = REFUSALS.has(reason) ? [] : [t(`server.${state}`, { latency })];
    const why = isKey(reason) ? [t(reason)] : [];
    setText(line, [...how, ...why].join(" — "));
  }
}
