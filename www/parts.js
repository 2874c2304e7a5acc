// @ts-check
/**
 * Fetches the large parts that Python starts from. It waits for no style sheet and not
 * for the rest of the page, unlike boot.js; so it does nothing that would hold up the
 * first paint.
 *
 * The snapshot is kept unpacked for the next visit: the browser's own cache keeps it
 * packed, and unpacks it each time, which takes several times as long as reading it.
 */

const KEPT = "tertulia.snapshot"; // of a cache, and of the entry that tells which one is in it

/** @type {Record<string, HTMLLinkElement>} */
export const parts = {};
for (const link of document.querySelectorAll("link[data-part]"))
  parts[/** @type {HTMLElement} */ (link).dataset.part ?? ""] = /** @type {any} */ (link);

/** @type {ArrayBuffer | null} a snapshot that came over the network just now */
let fresh = null;

/**
 * Begin at once; it may fail before anybody waits for it.
 *
 * @template T @param {() => Promise<T>} work
 */
export function begin(work) {
  const begun = work();
  begun.catch(() => {});
  return begun;
}

/** @param {string} part */
export async function fetched(part) {
  const response = await fetch(parts[part].href);
  if (!response.ok) throw new Error(`${part}: ${response.status}`);
  return response;
}

/** Whether these bytes are the snapshot that this page was built with. @param {ArrayBuffer} bytes */
async function fits(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex === parts.snapshot.dataset.digest;
}

async function readKept() {
  try {
    if (localStorage.getItem(KEPT) !== parts.snapshot.dataset.digest) return null;
    const response = await (await caches.open(KEPT)).match(parts.snapshot.href);
    const bytes = await response?.arrayBuffer();
    return bytes && (await fits(bytes)) ? bytes : null;
  } catch {
    return null; // storage refused
  }
}

async function getSnapshot() {
  const kept = await readKept();
  if (kept) return kept;
  const bytes = await (await fetched("snapshot")).arrayBuffer();
  if (!(await fits(bytes))) throw new Error("snapshot: spoiled");
  fresh = bytes;
  return bytes;
}

/** Keep the snapshot for the next visit, in place of any other, where it isn't kept yet. */
export async function keepSnapshot() {
  const { href, dataset } = parts.snapshot;
  const bytes = fresh;
  fresh = null;
  if (!bytes) return;
  try {
    await caches.delete(KEPT);
    await (await caches.open(KEPT)).put(href, new Response(bytes));
    localStorage.setItem(KEPT, dataset.digest ?? "");
  } catch {
    // No room, or storage refused: it comes out of the browser's own cache.
  }
}

export const wasm = begin(async () => WebAssembly.compileStreaming(fetched("wasm")));
export const snapshot = begin(getSnapshot);
