/** What the next recording or file shall be: language, translation, microphone, way of sending. */

import { byId, el } from "./dom.js";
import { languageName, t, words } from "./i18n.js";
import { recall, remember } from "./storage.js";

/**
 * @typedef {object} Choices
 * @property {string} language a code, or "auto"
 * @property {"transcribe"|"translate"} task
 * @property {"auto"|"mediarecorder"|"pcm"} source
 * @property {string} deviceId
 */

/** Tells `device` when another microphone was chosen. */
export class Options extends EventTarget {
  /** @type {string[]} */
  #languages = [];
  #fixed = false;

  constructor() {
    super();
    this.language = byId("language", HTMLSelectElement);
    this.translate = byId("translate", HTMLInputElement);
    this.microphone = byId("microphone", HTMLSelectElement);
    this.source = byId("source", HTMLSelectElement);
    const saved = recall("options") ?? {};
    this.#drawLanguages(saved.language ?? "auto");
    this.#drawMicrophones([], saved.deviceId ?? "");
    this.translate.checked = saved.task === "translate";
    this.source.value = saved.source ?? "auto";
    if (!this.source.value) this.source.value = "auto";
    for (const control of [this.language, this.translate, this.microphone, this.source]) {
      control.addEventListener("change", () => remember("options", this.choices));
    }
    this.microphone.addEventListener("change", () => this.dispatchEvent(new Event("device")));
    words.addEventListener("change", () => {
      this.#drawLanguages(this.language.value);
      void this.listMicrophones();
    });
    navigator.mediaDevices?.addEventListener("devicechange", () => void this.listMicrophones());
    void this.listMicrophones();
  }

  /** @returns {Choices} */
  get choices() {
    const source = /** @type {Choices["source"]} */ (this.source.value);
    return {
      language: this.language.value,
      task: this.translate.checked && !this.#englishOnly ? "translate" : "transcribe",
      source,
      deviceId: this.microphone.value,
    };
  }

  /** @param {string[]} languages that the model knows; empty: not known */
  setLanguages(languages) {
    this.#languages = languages;
    this.#drawLanguages(recall("options")?.language ?? this.language.value);
    this.setFixed(this.#fixed);
  }

  /** @param {boolean} fixed a recording's language and sending are fixed by its first words */
  setFixed(fixed) {
    this.#fixed = fixed;
    this.language.disabled = fixed;
    this.source.disabled = fixed;
    this.translate.disabled = fixed || this.#englishOnly;
  }

  /** @param {Partial<Choices>} choices */
  choose(choices) {
    if (choices.source) this.source.value = choices.source;
    if (choices.deviceId !== undefined) this.microphone.value = choices.deviceId;
    remember("options", this.choices);
  }

  /** Names are told only once the microphone has been allowed. */
  async listMicrophones() {
    const devices = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const chosen = this.microphone.value || (recall("options")?.deviceId ?? "");
    this.#drawMicrophones(
      devices.filter((device) => device.kind === "audioinput" && device.deviceId !== "default"),
      chosen,
    );
  }

  get #englishOnly() {
    return this.#languages.length === 1 && this.#languages[0] === "en";
  }

  /** @param {string} chosen */
  #drawLanguages(chosen) {
    const named = this.#languages
      .map((code) => ({ code, name: languageName(code) }))
      .sort((a, b) => a.name.localeCompare(b.name, words.locale));
    const auto = this.#englishOnly ? [] : [option("auto", t("language.auto"))];
    const known = chosen === "auto" || this.#languages.includes(chosen);
    const saved = known || this.#languages.length ? [] : [option(chosen, languageName(chosen))];
    const listed = named.map(({ code, name }) => option(code, name));
    this.language.replaceChildren(...auto, ...saved, ...listed);
    this.language.value = chosen;
    if (!this.language.value) this.language.selectedIndex = 0;
  }

  /**
   * @param {MediaDeviceInfo[]} devices
   * @param {string} chosen
   */
  #drawMicrophones(devices, chosen) {
    const named = devices
      .filter((device) => device.deviceId)
      .map((device, at) =>
        option(device.deviceId, device.label || t("microphone.nameless", { n: at + 1 })),
      );
    this.microphone.replaceChildren(option("", t("microphone.default")), ...named);
    this.microphone.value = chosen;
    if (this.microphone.selectedIndex < 0) this.microphone.value = "";
  }
}

/**
 * @param {string} value
 * @param {string} name
 */
function option(value, name) {
  const made = el("option", { value, dir: "auto" });
  made.textContent = name;
  return made;
}
