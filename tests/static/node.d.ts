/**
 * As much of Node.js as the tests use. Its full declarations would hold for the page's modules too,
 * where setTimeout gives a number and there is no Buffer.
 */

declare function setImmediate(call: (value?: unknown) => void): void;

declare module "node:test" {
  export interface Context {
    mock: { method(owner: object, name: string, stand_in: () => unknown): void };
  }
  export function describe(name: string, body: () => void): void;
  export function test(name: string, body: (t: Context) => void | Promise<void>): void;
  export function beforeEach(body: () => void | Promise<void>): void;
  export function afterEach(body: () => void | Promise<void>): void;
}

declare module "node:assert/strict" {
  export function deepEqual(actual: unknown, expected: unknown, message?: string): void;
  export function equal(actual: unknown, expected: unknown, message?: string): void;
  export function match(text: string, pattern: RegExp, message?: string): void;
  export function notEqual(actual: unknown, expected: unknown, message?: string): void;
  export function ok(value: unknown, message?: string): asserts value;
  export function rejects(promise: Promise<unknown>, expected?: RegExp | object): Promise<void>;
  export function throws(body: () => unknown, expected?: RegExp | object): void;
}

declare module "node:fs" {
  export function readFileSync(path: URL): Uint8Array<ArrayBuffer>;
  export function readFileSync(path: URL, encoding: "utf8"): string;
}
