import { deepEqual, equal } from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

const SERVER = "http://a.test/x/";
const KEY = "correct-horse-battery";

/** @typedef {typeof import("../../static/page/keys.js").keys} Keys */

/** @type {Map<string, string>} what the tab has kept */
let kept = new Map();
/** @type {{url: string, key: string|null}[]} */
let asked = [];
let loads = 0;
const { fetch } = globalThis;

beforeEach(() => {
  [kept, asked] = [new Map(), []];
  provide({
    getItem: (/** @type {string} */ name) => kept.get(name) ?? null,
    setItem: (/** @type {string} */ name, /** @type {string} */ value) => kept.set(name, value),
  });
  globalThis.fetch = async (url, init) => {
    const key = new Headers(init?.headers).get("Authorization");
    asked.push({ url: String(url), key });
    return Response.json({}, { status: key === `Bearer ${KEY}` ? 200 : 401 });
  };
});

afterEach(() => {
  Object.assign(globalThis, { fetch });
});

/** @param {object} storage */
function provide(storage) {
  Object.defineProperty(globalThis, "sessionStorage", { value: storage, configurable: true });
}

/** @returns {Promise<Keys>} as after the page was loaded again */
async function load() {
  return (await import(`../../static/page/keys.js?${++loads}`)).keys;
}

test("a key that the server takes is kept for the tab, and for that server only", async () => {
  const keys = await load();
  /** @type {string[]} */
  const told = [];
  keys.addEventListener("change", (event) => told.push(/** @type {CustomEvent} */ (event).detail));
  equal(await keys.isNeeded(SERVER), true);
  equal(await keys.give("http://a.test/x", KEY), true);
  deepEqual(asked.at(-1), { url: `${SERVER}config.json`, key: `Bearer ${KEY}` });
  deepEqual(told, [SERVER]);
  equal(await keys.isNeeded(SERVER), false);
  const again = await load();
  equal(again.of(SERVER), KEY);
  deepEqual(again.headers("http://a.test/x"), { Authorization: `Bearer ${KEY}` });
  deepEqual(again.headers("http://a.test/"), {});
});

test("a wrong key is not kept, nor one that no header can carry", async () => {
  const keys = await load();
  for (const wrong of ["wrong-wrong-wrong", "ключ"]) equal(await keys.give(SERVER, wrong), false);
  equal(keys.of(SERVER), "");
  equal(kept.size, 0);
});

test("a key is taken unchecked from where nobody answers, and where storage is forbidden", async () => {
  const forbidden = () => {
    throw new DOMException("no", "SecurityError");
  };
  provide({ getItem: forbidden, setItem: forbidden });
  globalThis.fetch = () => Promise.reject(new TypeError("Failed to fetch"));
  const keys = await load();
  equal(await keys.give(SERVER, KEY), true);
  equal(keys.of(SERVER), KEY);
});
