/** The OpenAPI description of this service, to read and to try. Swagger UI draws it. */

import { byId, setText } from "../page/dom.js";
import { keys } from "../page/keys.js";

const HOME = new URL("../../", import.meta.url).href;
const DARK = matchMedia("(prefers-color-scheme: dark)");

const form = byId("key-form", HTMLFormElement);
const field = byId("key", HTMLInputElement);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void useKey();
});
DARK.addEventListener("change", followScheme);
followScheme();
void load();

async function load() {
  try {
    const reply = await fetch(new URL("openapi.json", HOME), { headers: keys.headers(HOME) });
    if (reply.status === 401) ask();
    else if (reply.ok) show(await reply.text());
    else setText(byId("problem", HTMLElement), (await reply.json()).detail);
  } catch {
    setText(byId("problem", HTMLElement), "The service does not answer.");
  } finally {
    delete document.documentElement.dataset.loading;
  }
}

function ask() {
  form.hidden = false;
  field.focus();
}

async function useKey() {
  const key = field.value.trim();
  const given = key !== "" && (await keys.give(HOME, key));
  setText(byId("key-error", HTMLElement), given ? "" : "Nobody has this key.");
  field.setAttribute("aria-invalid", String(!given));
  if (!given) return;
  form.reset(); // The key is not left in the page.
  form.hidden = true;
  await load();
}

/** @param {string} text the description as it is served */
function show(text) {
  const download = byId("download", HTMLAnchorElement);
  download.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  download.hidden = false;
  const draw = Reflect.get(globalThis, "SwaggerUIBundle"); // Its script is no module.
  const ui = draw({
    spec: unfilled(JSON.parse(text)),
    domNode: byId("operations", HTMLElement),
    defaultModelsExpandDepth: -1, // They stand with the operations that have them.
    displayRequestDuration: true,
    requestInterceptor: withoutEmpty,
    validatorUrl: null, // It would send the description to somebody else.
  });
  if (keys.of(HOME)) ui.preauthorizeApiKey("key", keys.of(HOME));
}

/**
 * Swagger UI makes up a value for each field of a form that has no default, and would send it: a
 * session's, say, with a whole recording. This takes them away, but for the field of a file.
 *
 * @param {{paths: Record<string, Record<string, any>>}} spec
 */
function unfilled(spec) {
  for (const operation of Object.values(spec.paths).flatMap(Object.values)) {
    const form = operation.requestBody?.content["multipart/form-data"].schema.properties ?? {};
    for (const [name, field] of Object.entries(form)) {
      if (name !== "audio" && !("default" in field))
        field.example = field.type === "array" ? [] : "";
    }
  }
  return spec;
}

/** @param {{body?: unknown}} asked */
function withoutEmpty(asked) {
  if (asked.body instanceof FormData) {
    for (const [name, value] of [...asked.body]) if (value === "") asked.body.delete(name);
  }
  return asked;
}

function followScheme() {
  document.documentElement.classList.toggle("dark-mode", DARK.matches);
}
