/** The servers this page may use: the service's own list, or the one edited here. */

import { keys } from "./keys.js";
import { recall, remember } from "./storage.js";

/** @typedef {import("../client/types.js").ServerAddress} ServerAddress */
/** @typedef {{url: string, name: string}} Server */
/** @typedef {{max_upload_mb?: number, max_audio_s?: number}} Limits */
/** @typedef {{servers?: ServerAddress[], languages?: string[], limits?: Limits}} Config */

/** The folder of the page, with a slash at its end. */
const HOME = new URL("../../", import.meta.url);

/** Tells `change`, `config` when that has come, and `key-needed` (detail: a server's address). */
export class ServerList extends EventTarget {
  /** @type {Server[]} */
  #given = [{ url: HOME.href, name: HOME.host }];
  /** @type {Server[]|null} */
  #edited = null;

  constructor() {
    super();
    const saved = recall("servers");
    if (Array.isArray(saved) && saved.length) this.#edited = saved.flatMap(listed);
    /** @type {Config} */
    this.config = {};
    keys.addEventListener("change", (event) => {
      if (/** @type {CustomEvent} */ (event).detail === HOME.href) void this.load();
    });
  }

  /** Ask the service that the page came from; without an answer the page's own server is the list. */
  async load() {
    try {
      const headers = keys.headers(HOME.href);
      const reply = await fetch(new URL("config.json", HOME), { headers });
      if (reply.status === 401) this.#tell("key-needed", HOME.href);
      if (reply.ok) {
        this.config = await reply.json();
        this.#tell("config");
      }
      const given = (this.config.servers ?? []).flatMap(listed);
      if (given.length) this.#given = given;
    } catch {
      // Not reachable: the probes say so in their place.
    }
    this.#tell("change");
  }

  /** @returns {Server[]} preferred first */
  get servers() {
    return this.#edited ?? this.#given;
  }

  get edited() {
    return this.#edited !== null;
  }

  /** @param {Server[]|null} servers null: back to the service's own list */
  edit(servers) {
    this.#edited = servers?.length ? servers : null;
    remember("servers", this.#edited);
    this.#tell("change");
  }

  /**
   * @param {string} type
   * @param {string} [detail]
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/**
 * The whole address of a server as people write it: "example.org" and "https://example.org/x" alike.
 *
 * @param {string} written
 * @returns {URL|null} with a slash at its end; null where it is no web address
 */
export function serverUrl(written) {
  const trimmed = written.trim();
  const relative = /^\.{0,2}\/|^\.$/u.test(trimmed);
  const whole = relative || /^[a-z]+:\/\//iu.test(trimmed) ? trimmed : `https://${trimmed}`;
  if (!trimmed || !URL.canParse(whole, HOME)) return null;
  const url = new URL(whole, HOME);
  if (!/^https?:$/u.test(url.protocol) || /\s/u.test(trimmed)) return null;
  url.hash = url.search = "";
  if (!url.pathname.endsWith("/")) url.pathname += "/";
  return url;
}

/**
 * @param {ServerAddress} entry
 * @returns {Server[]} empty where it can't be used
 */
function listed(entry) {
  const url = typeof entry?.url === "string" ? serverUrl(entry.url) : null;
  return url ? [{ url: url.href, name: entry.name || url.host }] : [];
}
