/** Whether a server can be used from this page, asked before anything is recorded. */

/** @typedef {import("../client/types.js").ServerState} ServerState */
/** @typedef {{state: ServerState, latencyMs: number|null, reason?: string}} Probed */

const LIMIT_MS = 4000;
const REASONS = new Set(["starting", "draining", "stuck"]);

/**
 * @param {string} url with a slash at its end
 * @returns {Promise<Probed>}
 */
export async function probe(url) {
  if (isMixedContent(url)) return { state: "blocked", latencyMs: null, reason: "mixed-content" };
  const startedAt = performance.now();
  let reply;
  try {
    reply = await fetch(new URL("health", url), { signal: AbortSignal.timeout(LIMIT_MS) });
  } catch {
    return { state: "down", latencyMs: null, reason: "no-answer" };
  }
  const latencyMs = performance.now() - startedAt;
  const health = await reply.json().catch(() => null);
  if (typeof health?.status !== "string") return { state: "down", latencyMs, reason: "not-json" };
  if (reply.ok) return { state: health.accepting === false ? "full" : "up", latencyMs };
  const reason = REASONS.has(health.status) ? health.status : "model-failed";
  return { state: "down", latencyMs, reason };
}

/**
 * A page that came over https may use http only on this very computer.
 *
 * @param {string} url
 */
export function isMixedContent(url) {
  const { protocol, hostname } = new URL(url);
  const own = /^(localhost|127(\.\d+){3}|\[::1\])$/u.test(hostname);
  return location.protocol === "https:" && protocol === "http:" && !own;
}
