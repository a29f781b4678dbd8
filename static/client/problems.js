/**
 * What can go wrong, by code: one English sentence each. A page may show its own text by code.
 *
 * @typedef {import("./types.js").Problem} Problem
 */

const MESSAGES = {
  "insecure-origin": "Browsers give the microphone only to https pages and to localhost.",
  unsupported: "This browser can't record audio.",
  "permission-denied": "The page was not allowed to use the microphone.",
  "no-microphone": "No microphone was found.",
  "microphone-busy": "The microphone is used by another program, or does not work.",
  "microphone-lost": "The microphone was unplugged or switched off.",
  "recorder-broken": "The browser's recorder gave nothing usable; plain sound is sent instead.",
  "no-server": "No server answers. What is said is kept and sent as soon as one does.",
  "mixed-content": "A page on https may not use this http server; only localhost is allowed.",
  refused: "The server refuses this recording.",
  "key-needed": "The server asks for a key. What is said is kept until it has one.",
  "storage-full": "The browser can't store the recording; a crash now would lose what is not sent.",
  "audio-lost": "A server could not decode a piece of the recording.",
};

/** @typedef {keyof typeof MESSAGES} ProblemCode */

/** An Error that carries a Problem. */
export class ClientError extends Error {
  /**
   * @param {ProblemCode} code
   * @param {unknown} [cause]
   * @param {string} [server] address of the one that it is about
   */
  constructor(code, cause, server = "") {
    super(MESSAGES[code], { cause });
    this.name = "ClientError";
    this.code = code;
    this.server = server;
  }

  /**
   * @param {boolean} fatal
   * @returns {Problem}
   */
  toProblem(fatal) {
    const { cause, server } = this;
    const detail = cause instanceof Error ? cause.message : String(cause ?? "");
    return { code: this.code, message: this.message, detail, fatal, ...(server && { server }) };
  }
}
