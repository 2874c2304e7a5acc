// @ts-check
/**
 * Starts Pyodide, from a snapshot of its memory or from nothing.
 *
 * This stands in for pyodide.mjs: that one compiles the wasm only once it has the
 * whole snapshot, and wants a snapshot that repeats what the wasm already holds.
 * The page and the build (under Node) both use this file, so they agree.
 *
 * A snapshot is `magic, length of the JSON (uint32 LE), JSON, padding to 8, bytes`.
 * The JSON says `runs: [offset, length, ...]`, where the bytes belong in memory,
 * `heap`, how large memory was, and `objects`, which JavaScript objects Python holds.
 */

export const MAGIC = 0x746e7370; // "psnt"

/** A wasm module whose one reference marks errors between JavaScript and C. */
const SENTINEL =
  "AGFzbQEAAAABDANfAGAAAW9gAW8BfwMDAgECBygCE0pzdl9HZXRFcnJvcl9pbXBvcnQAAA5Kc3ZFcnJvcl9DaGVjawABChMCBwD7AQD7GwsJACAA+xr7FAAL";

/** @returns {Promise<Record<string, any>>} */
async function sentinel() {
  try {
    const bytes = Uint8Array.from(atob(SENTINEL), (c) => c.charCodeAt(0));
    return { .../** @type {any} */ (await WebAssembly.instantiate(bytes)).instance.exports };
  } catch {
    const error = Symbol("error marker"); // no GC types in this engine
    return {
      Jsv_GetError_import: () => error,
      JsvError_Check: (/** @type {unknown} */ value) => value === error,
    };
  }
}

/**
 * @param {{runs: number[], heap: number, objects: object}} head
 * @param {Uint8Array} image the whole memory
 */
export function writeSnapshot(head, image) {
  const json = new TextEncoder().encode(JSON.stringify(head));
  /** @type {any[]} */
  const pieces = [new Uint32Array([MAGIC, json.length]), json];
  pieces.push(new Uint8Array(-json.length & 7));
  for (let i = 0; i < head.runs.length; i += 2)
    pieces.push(image.subarray(head.runs[i], head.runs[i] + head.runs[i + 1]));
  return new Blob(pieces).arrayBuffer();
}

/**
 * @param {ArrayBuffer} buffer
 * @returns {{runs: number[], heap: number, objects: object, bytes: Uint8Array}}
 */
export function readSnapshot(buffer) {
  const [magic, length] = new Uint32Array(buffer, 0, 2);
  if (magic !== MAGIC) throw new Error("not a snapshot");
  const json = new TextDecoder().decode(new Uint8Array(buffer, 8, length));
  const start = (8 + length + 7) & ~7;
  return { ...JSON.parse(json), bytes: new Uint8Array(buffer, start) };
}

/**
 * @param {any} Module
 * @param {ReturnType<typeof readSnapshot>} snapshot
 */
function restore(Module, { runs, heap, bytes }) {
  const memory = Module.HEAPU8;
  if (memory.length < heap) throw new Error("the snapshot needs more memory");
  for (let i = 0, from = 0; i < runs.length; i += 2) {
    const to = from + runs[i + 1];
    memory.set(bytes.subarray(from, to), runs[i]);
    from = to;
  }
}

/**
 * @param {{
 *   glue: {default: Function} | Promise<{default: Function}>,
 *   wasm: WebAssembly.Module | Promise<WebAssembly.Module>,
 *   snapshot?: ArrayBuffer | Promise<ArrayBuffer>,
 *   files?: Record<string, Uint8Array>,
 *   env?: Record<string, string>,
 *   globals?: object,
 *   recording?: boolean,
 *   instantiated?: (instance: WebAssembly.Instance) => void,
 *   restored?: (Module: any) => void,
 * }} options `recording` keeps track of what a later snapshot must name
 * @returns {Promise<any>} Pyodide's public API; `._module` is Emscripten's
 */
export async function startPython(options) {
  const { files = {}, env = {}, globals = globalThis, recording = false } = options;
  const [{ default: create }, marker] = await Promise.all([options.glue, sentinel()]);
  const config = { jsglobals: globals, packages: [], _makeSnapshot: recording };
  const runtimeEnv = { IN_BROWSER: true, IN_BROWSER_MAIN_THREAD: true };
  const Module = await new Promise((resolve, reject) => {
    create({
      API: { config, runtimeEnv },
      arguments: [],
      thisProgram: "python",
      noImageDecoding: true,
      noAudioDecoding: true,
      noWasmDecoding: true,
      noInitialRun: options.snapshot !== undefined,
      print: console.log,
      printErr: console.warn,
      locateFile: (/** @type {string} */ path) => path,
      async instantiateWasm(/** @type {any} */ imports, /** @type {Function} */ done) {
        try {
          const module = await options.wasm;
          Object.assign(imports.env, marker);
          const instance = await WebAssembly.instantiate(module, imports);
          options.instantiated?.(instance);
          done(instance, module);
        } catch (error) {
          reject(error);
        }
      },
      preRun: [
        (/** @type {any} */ { API, ENV, FS }) => {
          API.sitePackages = "/lib/python3.14/site-packages";
          FS.mkdirTree(API.sitePackages);
          FS.mkdirTree("/lib/python3.14/lib-dynload");
          FS.mkdirTree("/home/pyodide");
          FS.chdir("/home/pyodide");
          for (const [path, bytes] of Object.entries(files)) FS.writeFile(path, bytes);
          // PYTHONINSPECT: a SystemError printed must not end the interpreter.
          Object.assign(ENV, { HOME: "/home/pyodide", LANG: "C.UTF-8", PYTHONINSPECT: "1" }, env);
        },
      ],
    }).then(resolve, reject);
  });
  // Only now: the glue and the wasm get ready while the snapshot still comes in.
  const snapshot = options.snapshot && readSnapshot(await options.snapshot);
  if (snapshot) restore(Module, snapshot);
  options.restored?.(Module);
  const pyodide = Module.API.finalizeBootstrap(snapshot?.objects);
  Module.API._pyodide.set_excepthook();
  Module.API.initializeStreams();
  return pyodide;
}
