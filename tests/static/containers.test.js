import { deepEqual, equal, ok } from "node:assert/strict";
import { describe, test } from "node:test";
import { indexFor } from "../../static/client/containers.js";
import { joined, recorded } from "./support/blobs.js";

/** Ids that begin what a decoder can be entered at. */
const BEGINNINGS = {
  "webm-opus": { at: 0, bytes: [0x1f, 0x43, 0xb6, 0x75] },
  "mp4-opus": { at: 4, bytes: [..."moof"].map((letter) => letter.charCodeAt(0)) },
};

/**
 * @param {string} mimeType
 * @param {Uint8Array<ArrayBuffer>[]} parts
 */
function indexed(mimeType, parts) {
  const index = indexFor(mimeType);
  const points = parts.flatMap((part) => index.push(part));
  return { initBytes: index.initBytes, points };
}

for (const name of /** @type {const} */ (["webm-opus", "mp4-opus"])) {
  describe(name, () => {
    const { mimeType, blobs, durationS } = recorded(name);
    const whole = joined(blobs);
    const { initBytes, points } = indexed(mimeType, blobs);

    test("there is a point at least every half second, from zero to the end", () => {
      equal(points[0]?.timeS, 0);
      points.slice(1).forEach((point, i) => {
        const before = points[i];
        ok(before && before.offset < point.offset && before.timeS < point.timeS);
        ok(point.timeS - before.timeS < 0.5, `${before.timeS} to ${point.timeS}`);
      });
      const last = points.at(-1);
      ok(last && Math.abs(last.timeS - durationS) < 1, `${last?.timeS}`);
    });

    test("every point is where the container can be entered", () => {
      const { at, bytes } = BEGINNINGS[name];
      for (const { offset } of points) {
        deepEqual([...whole.subarray(offset + at, offset + at + bytes.length)], bytes);
      }
    });

    test("the init segment is what comes before the first point", () => {
      equal(initBytes, points[0]?.offset);
      ok(initBytes > 0 && initBytes < 2000, `${initBytes}`);
    });

    test("however the bytes are cut, the points are the same", () => {
      for (const size of [1, 7, 1000]) {
        const parts = [];
        const some = whole.slice(0, 60_000);
        for (let at = 0; at < some.length; at += size) parts.push(some.slice(at, at + size));
        const cut = indexed(mimeType, parts);
        equal(cut.initBytes, initBytes);
        ok(cut.points.length > 1);
        deepEqual(cut.points, points.slice(0, cut.points.length));
      }
    });
  });
}

test("raw sound can be entered at every piece", () => {
  const { initBytes, points } = indexed("audio/l16;rate=8000", [
    new Uint8Array(16_000),
    new Uint8Array(8000),
  ]);
  equal(initBytes, 0);
  deepEqual(points, [
    { offset: 0, timeS: 0 },
    { offset: 16_000, timeS: 1 },
  ]);
});

test("an unknown container can be entered at its start only", () => {
  const { initBytes, points } = indexed("audio/ogg", [new Uint8Array(100), new Uint8Array(100)]);
  equal(initBytes, 0);
  deepEqual(points, [{ offset: 0, timeS: 0 }]);
});
