// @ts-check
/** Pyodide under Node, made repeatable: fixed clock, fixed randomness. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const NOW = Date.UTC(2026, 0, 1);

function makeRepeatable() {
  let seed = 1;
  Date.now = () => NOW;
  performance.now = () => 0;
  Math.random = () => 0.5;
  crypto.getRandomValues = (/** @type {any} */ view) => {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    for (let i = 0; i < bytes.length; i++) {
      seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
      bytes[i] = seed >>> 24;
    }
    return view;
  };
  // The glue takes Node for a page, so that what is saved fits a page.
  Object.assign(globalThis, { addEventListener() {} });
}

/**
 * @param {string} loader where www/python.js is
 * @param {string} core the folder with the glue and the wasm
 * @param {object} options see startPython()
 */
export async function launch(loader, core, options) {
  makeRepeatable();
  const { startPython } = await import(pathToFileURL(loader).href);
  return startPython({
    glue: import(pathToFileURL(join(core, "pyodide.asm.mjs")).href),
    wasm: WebAssembly.compile(readFileSync(join(core, "pyodide.asm.wasm"))),
    env: { PYTHONHASHSEED: "1" },
    ...options,
  });
}

/** Names of the page that `typeof` calls an object; all others are functions. */
const OBJECTS = new Set(
  ("caches customElements document history indexedDB localStorage location " +
    "navigator performance screen self sessionStorage visualViewport window").split(" "),
);

/**
 * Build what the client's modules take for the page's global object.
 *
 * @param {string[]} names what they import from it by name
 */
export function standIn(names) {
  const page = Object.create(globalThis);
  for (const name of names) {
    if (name in globalThis && !OBJECTS.has(name)) continue;
    // Python keeps the reference; the snapshot's start looks the real one up.
    const value = OBJECTS.has(name) ? {} : function () {};
    Object.defineProperty(page, name, { value, writable: true, configurable: true });
  }
  return page;
}

/** @param {unknown} error */
export function fail(error) {
  // A stack trace from the glue quotes its one line of a megabyte.
  console.error(String(error).slice(0, 4000));
  process.exit(1);
}
