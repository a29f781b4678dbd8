/** One file on its way: sent with progress, transcribed while it is followed, or cancelled. */

import { keys } from "./keys.js";
import { follow, Refused } from "./long-poll.js";

/** @typedef {import("./long-poll.js").SessionState} SessionState */
/** @typedef {{language: string, task: string}} Fields */
/** @typedef {{address: string, session: SessionState|null, whole: SessionState|null}} Accepted */

/**
 * @typedef {object} Progress
 * @property {(share: number) => void} onSent 0 to 1
 * @property {(state: SessionState) => void} onState words that have come; the last one is final
 */

/** The connection broke off while sending. */
export class NotSent extends Error {}

/**
 * Send a recording and follow its transcription to the end.
 *
 * @param {File} file
 * @param {string} server its address, with a slash at its end
 * @param {Fields} fields
 * @param {Progress & {signal: AbortSignal}} about
 * @returns {Promise<void>}
 * @throws {NotSent|Refused} and, when cancelled, the signal's AbortError
 */
export async function upload(file, server, fields, { signal, onSent, onState }) {
  // Not only after a long way: a refusal may come while much is still being sent, and get lost.
  if (await keys.isNeeded(server)) throw new Refused(401, "");
  signal.throwIfAborted();
  const { address, whole } = await send(file, server, fields, signal, onSent);
  if (whole) {
    onState({ ...whole, final: true });
    return;
  }
  const headers = keys.headers(server);
  const forget = () =>
    void fetch(address, { method: "DELETE", keepalive: true, headers }).catch(() => {});
  signal.addEventListener("abort", forget, { once: true });
  try {
    await follow(address, { signal, headers, onState: (state) => onState(checked(state)) });
  } finally {
    signal.removeEventListener("abort", forget);
  }
  signal.throwIfAborted();
}

/**
 * @param {SessionState} state
 * @returns {SessionState}
 */
function checked(state) {
  if (state.state !== "failed") return state;
  throw new Refused(422, state.error?.detail ?? state.error?.title ?? "");
}

/**
 * XMLHttpRequest, since fetch does not tell how far sending has come.
 *
 * @param {File} file
 * @param {string} server
 * @param {Fields} fields
 * @param {AbortSignal} signal
 * @param {(share: number) => void} onSent
 * @returns {Promise<Accepted>}
 */
function send(file, server, fields, signal, onSent) {
  const form = new FormData();
  if (fields.language !== "auto") form.set("language", fields.language);
  form.set("task", fields.task);
  form.set("word_timestamps", "true");
  form.set("audio", file, file.name);
  const request = new XMLHttpRequest();
  request.open("POST", new URL("transcribe", server));
  const headers = { Prefer: "respond-async", ...keys.headers(server) };
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  request.responseType = "json";
  return new Promise((resolve, reject) => {
    const stop = () => request.abort();
    signal.addEventListener("abort", stop, { once: true });
    request.upload.onprogress = ({ loaded, total }) => onSent(total ? loaded / total : 0);
    request.upload.onload = () => onSent(1);
    request.onerror = () => reject(new NotSent());
    request.onabort = () => reject(signal.reason);
    request.onloadend = () => signal.removeEventListener("abort", stop);
    request.onload = () => {
      const body = request.response ?? {};
      if (request.status === 202) resolve(accepted(request, server, body));
      else if (request.status === 200) resolve({ address: "", session: null, whole: body });
      else reject(new Refused(request.status, body.detail ?? body.title ?? ""));
    };
    request.send(form);
  });
}

/**
 * @param {XMLHttpRequest} request
 * @param {string} server
 * @param {SessionState & {session_id?: string}} body
 * @returns {Accepted}
 */
function accepted(request, server, body) {
  const place = body.session_id
    ? `sessions/${body.session_id}`
    : request.getResponseHeader("Location");
  return { address: new URL(place ?? "", server).href, session: body, whole: null };
}
