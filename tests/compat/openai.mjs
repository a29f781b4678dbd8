// The official JavaScript client of OpenAI's audio API: node openai.mjs PACKAGE URL FILE
import { createReadStream } from "node:fs";
import { pathToFileURL } from "node:url";

const [where, url, path] = process.argv.slice(2);
const { default: OpenAI } = await import(pathToFileURL(where).href);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "any", maxRetries: 0 });
const asked = { file: createReadStream(path), model: "whisper-1" };

const plain = await client.audio.transcriptions.create(asked);
const verbose = await client.audio.transcriptions.create({
  ...asked,
  file: createReadStream(path),
  response_format: "verbose_json",
  timestamp_granularities: ["word"],
});
const deltas = [];
let done = "";
const events = await client.audio.transcriptions.create({
  ...asked,
  file: createReadStream(path),
  stream: true,
});
for await (const event of events) {
  if (event.type === "transcript.text.delta") deltas.push(event.delta);
  else done = event.text;
}
const refused = await client.audio.transcriptions
  .create({ file: createReadStream(path), model: "whisper-9" })
  .catch((error) => ({ status: error.status, code: error.code, param: error.param }));
const models = (await client.models.list()).data.map((model) => model.id);
process.stdout.write(JSON.stringify({ plain, verbose, deltas, done, refused, models }));
