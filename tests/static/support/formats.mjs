// What the page writes of transcripts: JSON lists of segments in, [srt, vtt] of each out.
import { readFileSync } from "node:fs";
import { toSrt, toVtt } from "../../../static/page/formats.js";

const transcripts = JSON.parse(readFileSync(0, "utf8"));
const written = transcripts.map((segments) => [toSrt(segments), toVtt(segments)]);
process.stdout.write(JSON.stringify(written));
