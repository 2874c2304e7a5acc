// @ts-check
/** Writes the snapshot. Argument: a JSON file, see image.py. */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail, launch, standIn } from "./node.mjs";

const GRAIN = 256; // bytes: with less, the list of runs grows faster than it saves

/**
 * List the grains in which two memories differ.
 *
 * @param {Uint8Array} image
 * @param {Uint8Array} base
 * @returns {Set<number>}
 */
function grains(image, base) {
  const found = new Set();
  const [one, other] = [image, base].map((b) => Buffer.from(b.buffer, b.byteOffset, b.length));
  for (let at = 0; at < image.length; at += GRAIN)
    if (one.compare(other, at, at + GRAIN, at, at + GRAIN)) found.add(at);
  return found;
}

/** @param {Set<number>} found */
function runsOf(found) {
  /** @type {number[]} */
  const runs = [];
  let end = -1;
  for (const at of [...found].sort((a, b) => a - b)) {
    if (at === end) runs[runs.length - 1] += GRAIN;
    else runs.push(at, GRAIN);
    end = at + GRAIN;
  }
  return runs;
}

async function main() {
  const plan = JSON.parse(readFileSync(process.argv[2], "utf8"));
  const { writeSnapshot } = await import(plan.loader);
  /** @type {Uint8Array[]} */
  const fresh = [];
  const pyodide = await launch(plan.loader, plan.out, {
    files: {
      "/lib/python314.zip": readFileSync(join(plan.out, "library.zip")),
      "/lib/client.zip": readFileSync(join(plan.out, "client.zip")),
    },
    env: { PYTHONHASHSEED: "1", PYTHONPATH: "/lib/client.zip" },
    globals: standIn(plan.globals),
    recording: true,
    instantiated: (/** @type {any} */ { exports }) =>
      fresh.push(new Uint8Array(exports.memory.buffer.slice(0))),
  });
  pyodide.runPython(readFileSync(join(import.meta.dirname, "warm.py"), "utf8"));
  pyodide.runPython(`warm(${JSON.stringify(plan.modules)}); del warm`);
  const { API, HEAPU8, stackSave, _emscripten_stack_get_end } = pyodide._module;
  HEAPU8.fill(0, _emscripten_stack_get_end(), stackSave()); // what calls left there
  const image = HEAPU8.slice();
  if (image.length !== fresh[0].length)
    throw new Error(`Python outgrew the memory that it starts with: ${image.length}`);
  const head = { heap: image.length, objects: API.serializeHiwireState() };

  // Constructors of the wasm run before a restore, and leave traces: restore once
  // and see what is still wrong.
  const found = grains(image, fresh[0]);
  const tried = await writeSnapshot({ ...head, runs: runsOf(found) }, image);
  await launch(plan.loader, plan.out, {
    snapshot: tried,
    restored: (/** @type {any} */ Module) => {
      for (const at of grains(image, Module.HEAPU8)) found.add(at);
    },
  });
  const snapshot = await writeSnapshot({ ...head, runs: runsOf(found) }, image);
  writeFileSync(join(plan.out, "snapshot.bin"), new Uint8Array(snapshot));
  process.exit(0);
}

main().catch(fail);
