/** The interface's language: its words, numbers and times. */

import ar from "./messages/ar.js";
import en from "./messages/en.js";
import ru from "./messages/ru.js";
import { recall, remember } from "./storage.js";

/** @typedef {keyof typeof en} Key */
/** @typedef {"en"|"ar"|"ru"} InterfaceLanguage */

/** @typedef {string|Partial<Record<Intl.LDMLPluralRule, string>>} Message one text, or one a plural form */

/** @type {Record<InterfaceLanguage, Record<string, Message>>} */
const MESSAGES = { en, ar, ru };
const RIGHT_TO_LEFT = new Set(["ar"]);

class Interface extends EventTarget {
  constructor() {
    super();
    /** @type {InterfaceLanguage} */
    this.language = "en";
    this.locale = "en";
    this.plurals = new Intl.PluralRules("en");
  }

  /** Take the language chosen before, else the first of the browser's that there is. */
  start() {
    const wished = [recall("interface"), ...navigator.languages].map((tag) => String(tag ?? ""));
    const found = wished.map((tag) => tag.split("-")[0] ?? "").find((code) => code in MESSAGES);
    this.use(/** @type {InterfaceLanguage} */ (found ?? "en"));
  }

  /** @param {InterfaceLanguage} language */
  choose(language) {
    remember("interface", language);
    this.use(language);
  }

  /** @param {InterfaceLanguage} language */
  use(language) {
    this.language = language;
    // The browser's own region decides about digits and dates where it speaks the same language.
    this.locale = navigator.languages.find((tag) => tag.split("-")[0] === language) ?? language;
    this.plurals = new Intl.PluralRules(this.locale);
    const root = document.documentElement;
    root.lang = language;
    root.dir = RIGHT_TO_LEFT.has(language) ? "rtl" : "ltr";
    translatePage();
    this.dispatchEvent(new Event("change"));
  }
}

export const words = new Interface();

/**
 * A message in the interface's language. `{name}` takes the value of that name; a message with
 * plural forms is chosen by the value `n`.
 *
 * @param {Key} key
 * @param {Record<string, string|number>} [values] numbers are formatted
 * @returns {string}
 */
export function t(key, values = {}) {
  /** @type {Message} */
  const message = MESSAGES[words.language][key] ?? en[key];
  const text =
    typeof message === "string"
      ? message
      : (message[words.plurals.select(Number(values.n ?? 0))] ?? message.other ?? "");
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name] ?? "";
    return typeof value === "number" ? number(value) : value;
  });
}

/**
 * @param {string} key
 * @returns {key is Key}
 */
export function isKey(key) {
  return key in en;
}

/** Every element says by `data-i18n` and `data-i18n-label` which words it shows. */
function translatePage() {
  for (const element of document.querySelectorAll("[data-i18n]")) {
    element.textContent = t(/** @type {Key} */ (element.getAttribute("data-i18n")));
  }
  for (const element of document.querySelectorAll("[data-i18n-label]")) {
    const key = /** @type {Key} */ (element.getAttribute("data-i18n-label"));
    element.setAttribute("aria-label", t(key));
  }
}

/**
 * @param {number} value
 * @param {Intl.NumberFormatOptions} [options]
 */
export function number(value, options) {
  return new Intl.NumberFormat(words.locale, options).format(value);
}

/** @param {number} value seconds */
export function seconds(value) {
  const digits = value < 100 ? 1 : 0;
  return number(value, {
    style: "unit",
    unit: "second",
    unitDisplay: "short",
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
}

/** @param {number} value */
export function milliseconds(value) {
  return number(Math.round(value), { style: "unit", unit: "millisecond", unitDisplay: "short" });
}

/** @param {number} share 0 to 1 */
export function percent(share) {
  return number(share, { style: "percent" });
}

/**
 * @param {number} value seconds
 * @returns {string} mm:ss, or h:mm:ss from an hour on
 */
export function clock(value) {
  const whole = Math.max(0, Math.floor(value));
  const two = (/** @type {number} */ n) => number(n, { minimumIntegerDigits: 2 });
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const tail = `${two(minutes)}:${two(whole % 60)}`;
  return hours ? `${number(hours)}:${tail}` : tail;
}

/**
 * @param {number} time milliseconds since 1970
 * @returns {string} day and time; the year only where it is another one
 */
export function dateTime(time) {
  const sameYear = new Date(time).getFullYear() === new Date().getFullYear();
  return new Intl.DateTimeFormat(words.locale, {
    ...(!sameYear && { year: "numeric" }),
    month: "short",
    day: "numeric",
    hour: "numeric",
    minute: "2-digit",
  }).format(time);
}

/** @param {string} code such as "en" */
export function languageName(code) {
  try {
    return new Intl.DisplayNames(words.locale, { type: "language" }).of(code) ?? code;
  } catch {
    return code;
  }
}
