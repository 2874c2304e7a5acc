// @ts-check
/** Writes the two archives. Argument: a JSON file, see image.py. */

import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail, launch, standIn } from "./node.mjs";

const LIBRARY = "/lib/python314.zip";

async function main() {
  const plan = JSON.parse(readFileSync(process.argv[2], "utf8"));
  const stock = readFileSync(plan.library);
  const files = { [LIBRARY]: stock };
  const globals = standIn(plan.globals);
  const pyodide = await launch(plan.loader, plan.out, { files, globals });
  for (const path of plan.files) {
    const target = join("/source", path);
    pyodide.FS.mkdirTree(dirname(target));
    pyodide.FS.writeFile(target, readFileSync(join(plan.source, path)));
  }
  pyodide.runPython(readFileSync(join(import.meta.dirname, "freeze.py"), "utf8"));
  const list = (/** @type {string[]} */ names) => pyodide.toPy(names);
  const freeze = pyodide.globals.get("freeze");
  freeze(list(plan.modules), list(plan.files), LIBRARY, "/client.zip", "/library.zip");
  for (const name of ["client.zip", "library.zip"])
    writeFileSync(join(plan.out, name), pyodide.FS.readFile("/" + name));
  process.exit(0);
}

main().catch(fail);
