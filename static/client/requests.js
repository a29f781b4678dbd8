/** One request to a server, with a time limit, and what went wrong told in one shape. */

/** How the service's errors begin their `type`. */
const ERROR_TYPES = "urn:live-transcription:";
/** A server that asks to be left alone for longer is as good as one that refuses. */
const LONGEST_WAIT_S = 60;

/** What failed: no answer, an answer too late, an error of the service, or no JSON at all. */
export class RequestError extends Error {
  /**
   * @param {"network"|"timeout"|"http"|"not-json"} kind
   * @param {string} message
   * @param {{status?: number, code?: string, field?: string, retryAfterS?: number|null}} [more]
   */
  constructor(kind, message, { status = 0, code = "", field = "", retryAfterS = null } = {}) {
    super(message);
    this.name = "RequestError";
    this.kind = kind;
    this.status = status;
    this.code = code;
    this.field = field;
    this.retryAfterS = retryAfterS;
  }

  /** Whether the server wants another key than it was shown, or one at all. */
  get wantsKey() {
    return this.kind === "http" && this.status === 401;
  }

  /** Network errors, 408, 429 and 5xx may pass; a page instead of JSON is a sleeping server. */
  get retryable() {
    if ((this.retryAfterS ?? 0) > LONGEST_WAIT_S) return false;
    if (this.kind !== "http") return true;
    return (
      this.status === 408 ||
      this.status === 429 ||
      this.status >= 500 ||
      this.code === "body-incomplete"
    );
  }
}

/**
 * @typedef {object} RequestOptions
 * @property {number} timeoutMs
 * @property {AbortSignal} [signal] ends the request from outside
 * @property {string} [method]
 * @property {BodyInit} [body]
 * @property {Record<string, string>} [headers]
 * @property {number[]} [accept] statuses besides 2xx and 304 whose body is wanted
 */

/**
 * @param {string} url
 * @param {RequestOptions} options
 * @returns {Promise<{status: number, body: any}>} body is null where there is none (304)
 * @throws {RequestError} or what `signal` was aborted with
 */
export async function requestJson(url, { timeoutMs, signal, accept = [], ...init }) {
  signal?.throwIfAborted();
  const limit = limited(timeoutMs, signal);
  try {
    const response = await fetch(url, { ...init, signal: limit.signal, cache: "no-store" });
    const { status } = response;
    if (status === 304 || status === 204) return { status, body: null };
    const body = await jsonOf(response);
    if (!response.ok && !accept.includes(response.status)) throw refusal(response, body);
    return { status, body };
  } catch (error) {
    if (error instanceof RequestError) throw error;
    signal?.throwIfAborted();
    const message = error instanceof Error ? error.message : String(error);
    if (limit.isOver) throw new RequestError("timeout", `no answer in ${timeoutMs / 1000} s`);
    throw new RequestError("network", message);
  } finally {
    limit.clear();
  }
}

/**
 * What AbortSignal.any and .timeout do together, for browsers that lack the first.
 * @param {number} timeoutMs
 * @param {AbortSignal} [outer]
 */
function limited(timeoutMs, outer) {
  const inner = new AbortController();
  const abort = () => inner.abort(outer?.reason);
  const limit = {
    signal: inner.signal,
    isOver: false,
    clear: () => {
      clearTimeout(timer);
      outer?.removeEventListener("abort", abort);
    },
  };
  const timer = setTimeout(() => {
    limit.isOver = true;
    inner.abort();
  }, timeoutMs);
  outer?.addEventListener("abort", abort, { once: true });
  return limit;
}

/** @param {Response} response */
async function jsonOf(response) {
  const text = await response.text();
  const status = response.status;
  try {
    const body = JSON.parse(text);
    if (typeof body === "object" && body !== null) return body;
  } catch {
    // Falls through: whatever it is, it is not from this service.
  }
  const what = response.headers.get("Content-Type") ?? "nothing";
  throw new RequestError("not-json", `the answer is ${what}, not this service's`, {
    status,
    retryAfterS: retryAfterS(response),
  });
}

/**
 * Only this service's own errors can say no for good; a router's JSON is like its HTML.
 * @param {Response} response
 * @param {{type?: string, detail?: string, title?: string, code?: string, field?: string}} body
 */
function refusal(response, body) {
  const message = body.detail ?? body.title ?? `status ${response.status}`;
  const isOurs = String(body.type ?? "").startsWith(ERROR_TYPES);
  return new RequestError(isOurs ? "http" : "not-json", message, {
    status: response.status,
    code: body.code ?? "",
    field: body.field ?? "",
    retryAfterS: retryAfterS(response),
  });
}

/** @param {Response} response */
function retryAfterS(response) {
  const seconds = Number.parseFloat(response.headers.get("Retry-After") ?? "");
  return Number.isFinite(seconds) ? seconds : null;
}

/**
 * The header that shows a server its key. What no header can carry is not sent: the server then
 * says that it needs a key, as it does of any wrong one.
 * @param {string} key "" for none
 * @returns {Record<string, string>}
 */
export function authorization(key) {
  return /^[!-~]+$/.test(key) ? { Authorization: `Bearer ${key}` } : {};
}

/**
 * Wait; rejects when the signal is aborted.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {EventTarget} [alarm] a `wake` event ends the wait early
 * @returns {Promise<void>}
 */
export function pause(ms, signal, alarm) {
  return new Promise((resolve, reject) => {
    const over = new AbortController();
    const end = () => {
      clearTimeout(timer);
      over.abort();
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { signal: over.signal });
    alarm?.addEventListener("wake", end, { signal: over.signal });
    if (signal.aborted) end();
  });
}
