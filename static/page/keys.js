/**
 * The keys that servers ask for, one for each address. They are kept for this tab only, and never
 * come into an address or into what outlasts the tab.
 */

import { authorization } from "../client/requests.js";

const KEPT_AS = "live-transcription.keys";
const LIMIT_MS = 8000;

/** Tells `change` (detail: the server's address) when there is another key. */
class Keys extends EventTarget {
  /** @type {Map<string, string>} by address */
  #keys = kept();

  /** @param {string} server @returns {string} "" where there is none */
  of(server) {
    return this.#keys.get(addressOf(server)) ?? "";
  }

  /** @param {string} server @returns {Record<string, string>} what requests to it shall carry */
  headers(server) {
    return authorization(this.of(server));
  }

  /**
   * Keep a key, unless the server says that it is wrong. One that does not answer may say so later.
   *
   * @param {string} server
   * @param {string} key
   * @returns {Promise<boolean>} whether it was kept
   */
  async give(server, key) {
    if (await refuses(server, authorization(key))) return false;
    this.#keys.set(addressOf(server), key);
    keep(this.#keys);
    this.dispatchEvent(new CustomEvent("change", { detail: addressOf(server) }));
    return true;
  }

  /** @param {string} server @returns {Promise<boolean>} whether it asks for another key than it has */
  isNeeded(server) {
    return refuses(server, this.headers(server));
  }
}

export const keys = new Keys();

/**
 * @param {string} server
 * @param {Record<string, string>} headers
 */
async function refuses(server, headers) {
  try {
    const url = new URL("config.json", addressOf(server));
    const reply = await fetch(url, { headers, signal: AbortSignal.timeout(LIMIT_MS) });
    return reply.status === 401;
  } catch {
    return false;
  }
}

/** @param {string} server @returns {string} its address as it is written here, with a slash at its end */
export function addressOf(server) {
  return server.endsWith("/") ? server : `${server}/`;
}

/** @returns {Map<string, string>} */
function kept() {
  try {
    return new Map(Object.entries(JSON.parse(sessionStorage.getItem(KEPT_AS) ?? "{}")));
  } catch {
    return new Map(); // Forbidden, or not there at all.
  }
}

/** @param {Map<string, string>} keys */
function keep(keys) {
  try {
    sessionStorage.setItem(KEPT_AS, JSON.stringify(Object.fromEntries(keys)));
  } catch {
    // Forbidden: the keys hold until the page is loaded again.
  }
}
