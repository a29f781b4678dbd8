import { deepEqual, equal } from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { RequestError } from "../../static/client/requests.js";
import { Server } from "../../static/client/server.js";
import { Servers } from "../../static/client/servers.js";

const BASE = "http://home.test/";
const LIST = [{ url: "http://first.test" }, { url: "http://second.test/" }];
const WELL = { status: "ok", accepting: true };
const LOST = new RequestError("network", "refused");

/** @type {Record<string, () => Response>} what each host answers to /health */
let answers = {};
/** @type {string[]} which hosts were asked */
let asked = [];
const { fetch } = globalThis;

beforeEach(() => {
  answers = { "first.test": json(WELL), "second.test": json(WELL) };
  asked = [];
  globalThis.fetch = async (url) => {
    const { host } = new URL(String(url));
    asked.push(host);
    const answer = answers[host];
    if (!answer) throw new TypeError("Failed to fetch");
    return answer();
  };
});

afterEach(() => {
  globalThis.fetch = fetch;
});

/**
 * @param {object} body
 * @param {number} [status]
 */
function json(body, status = 200) {
  return () => Response.json(body, { status });
}

function servers() {
  const made = new Servers(LIST, BASE);
  const [first, second] = /** @type {[Server, Server]} */ (made.list);
  return { made, first, second };
}

/**
 * @param {Servers} made
 * @param {Server} server
 * @param {number} [times]
 */
async function probe(made, server, times = 1) {
  for (let i = 0; i < times; i++) await made.probe(server);
}

test("addresses are made absolute, and the same one counts once", () => {
  const made = new Servers(
    [{ url: "." }, { url: "http://home.test" }, { url: "http://a.test/x/" }],
    BASE,
  );
  deepEqual(
    made.list.map((server) => server.url),
    ["http://home.test", "http://a.test/x"],
  );
  equal(made.list[1]?.name, "a.test");
});

test("there is no best server before the preferred one is known", async () => {
  const { made, first, second } = servers();
  await probe(made, second);
  equal(made.best(), null);
  await probe(made, first);
  equal(made.best(), first);
});

test("a first server that never answered gives way at once", async () => {
  const { made, first, second } = servers();
  delete answers["first.test"];
  await probe(made, first);
  await probe(made, second);
  equal(made.best(), second);
  equal(first.status.state, "down");
  equal(first.status.reason, "no-answer");
});

test("a server that was well is left after three failed probes", async () => {
  const { made, first } = servers();
  await probe(made, first);
  delete answers["first.test"];
  await probe(made, first, 2);
  equal(first.isDown, false);
  await probe(made, first);
  equal(first.isDown, true);
});

test("one failed or overdue request that a probe confirms is enough", async () => {
  for (const harm of ["failed", "overdue"]) {
    const { made, first } = servers();
    answers["first.test"] = json(WELL);
    await probe(made, first);
    if (harm === "failed") first.postFailed(LOST);
    else first.overdue = true;
    await probe(made, first);
    equal(first.isDown, false, `${harm}, but its probe is well`);
    delete answers["first.test"];
    await probe(made, first);
    equal(first.isDown, true, harm);
  }
});

test("three failed requests in a row shun a server whose probes are well", async (t) => {
  const { made, first, second } = servers();
  await probe(made, first);
  await probe(made, second);
  for (let i = 0; i < 3; i++) first.postFailed(LOST);
  equal(first.isDown, false, "requests that fail together fail once");
  for (let i = 0; i < 2; i++) failLater(t, first);
  equal(first.isDown, true);
  await probe(made, first, 3);
  equal(made.best(), second, "good probes alone do not bring it back");
  delete answers["second.test"];
  await probe(made, second, 3);
  equal(made.best(), first, "but it is better than none");
  first.postAnswered();
  equal(first.isDown, false);
});

/**
 * A request fails, a second after the one before.
 * @param {import("node:test").Context} t
 * @param {Server} server
 */
function failLater(t, server) {
  const later = performance.now() + 1000;
  t.mock.method(performance, "now", () => later);
  server.postFailed(LOST);
}

test("an answer in between starts the count anew", async (t) => {
  const { made, first } = servers();
  await probe(made, first);
  for (let i = 0; i < 5; i++) {
    failLater(t, first);
    failLater(t, first);
    first.postAnswered();
  }
  equal(first.isDown, false);
});

test("a page instead of JSON is a server that sleeps; 503 says what it does", async () => {
  const { made, first } = servers();
  answers["first.test"] = () =>
    new Response("<h1>Sleeping</h1>", { headers: { "Content-Type": "text/html" } });
  await probe(made, first);
  equal(first.status.reason, "not-json");
  answers["first.test"] = json({ status: "model_failed", detail: "No weights." }, 503);
  await probe(made, first);
  deepEqual([first.status.reason, first.status.detail], ["model-failed", "No weights."]);
});

test("a full server keeps its sessions but takes no new one", async () => {
  const { made, first, second } = servers();
  answers["first.test"] = json({ status: "degraded", accepting: false });
  await probe(made, first);
  await probe(made, second);
  deepEqual([first.isDown, first.status.state, made.best()], [false, "full", second]);
});

test("a better server is returned to after three good probes in a row", async () => {
  const { made, first, second } = servers();
  delete answers["first.test"];
  await probe(made, first);
  await probe(made, second);
  answers["first.test"] = json(WELL);
  await probe(made, first, 2);
  equal(made.better(second), null);
  await probe(made, first);
  equal(made.better(second), first);
  equal(made.better(first), null);
});

test("servers behind one that is well are let alone until it fails", async () => {
  const { made, first } = servers();
  made.tick();
  await new Promise((resolve) => made.addEventListener("change", resolve, { once: true }));
  made.tick();
  deepEqual(asked, ["first.test"]);
  first.postFailed(LOST);
  made.doubt(first);
  deepEqual(asked, ["first.test", "first.test", "second.test"]);
});
