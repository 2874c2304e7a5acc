// @ts-check
/**
 * What must happen before Python is there: fetch everything at once, show one's own
 * picture, keep what is typed and clicked. Python finds it all in `tertulia.boot`.
 */

import { openMedia } from "./devices.js";
import { startPython } from "./python.js";

/** @typedef {import("./devices.js").Chosen & {name?: string}} Preferences */

const SESSION = "tertulia.session";
const FRESH = 60_000; // milliseconds that a token must still be good for

const body = document.body;
const room = location.pathname.match(/^\/r\/([^/]+)$/)?.[1] ?? "";
/** @type {Record<string, HTMLLinkElement>} */
const parts = {};
for (const link of document.querySelectorAll("link[data-part]"))
  parts[/** @type {HTMLElement} */ (link).dataset.part ?? ""] = /** @type {any} */ (link);

/** @param {string} problem */
function fail(problem) {
  body.dataset.problem = problem;
  body.dataset.phase = "failed";
}

function missing() {
  if (!window.isSecureContext) return "insecure-context";
  const needed = ["WebAssembly", "RTCPeerConnection", "WebSocket", "crypto"];
  return needed.every((name) => name in window) ? "" : "unsupported-browser";
}

/** @template T @param {string} key @param {T} none @returns {T} */
function kept(key, none) {
  try {
    return { ...none, ...JSON.parse(localStorage.getItem(key) ?? "{}") };
  } catch {
    return none; // storage refused, or not ours
  }
}

/** @param {string} path @param {string} token */
async function post(path, token) {
  /** @type {Record<string, string>} */
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const response = await fetch(path, { method: "POST", headers, body: "{}", cache: "no-store" });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(path), { code: answer.error?.code });
  return { ...answer, expires: Date.now() + 1000 * answer.expires_in };
}

async function admit() {
  try {
    let session = kept(SESSION, { token: "", expires: 0 });
    if (session.expires < Date.now() + FRESH) {
      const { token, expires } = await post("/api/session", "");
      session = { token, expires };
      localStorage.setItem(SESSION, JSON.stringify(session));
    }
    return { ok: true, ...(await post(`/api/rooms/${room}/token`, session.token)) };
  } catch (error) {
    return { ok: false, code: /** @type {any} */ (error).code ?? "server_unreachable" };
  }
}

/** The key of every connection. Asked for here, it also wakes the browser's media threads while Python comes. */
async function makeCertificate() {
  await painted;
  new RTCPeerConnection().close();
  return RTCPeerConnection.generateCertificate(/** @type {any} */ ({ name: "ECDSA", namedCurve: "P-256" }));
}

/** @type {string[]} */
const actions = [];
/** @type {Set<HTMLElement>} */
const pending = new Set();

/** @param {Event} event */
function keep(event) {
  const name = event.type === "submit" ? "submit" : "action";
  const found = /** @type {Element} */ (event.target).closest(`[data-${name}]`);
  if (!(found instanceof HTMLElement)) return;
  if (event.type === "submit") event.preventDefault();
  if (found.dataset.action === "reload") location.reload(); // there may never be a Python
  const by = /** @type {SubmitEvent} */ (event).submitter ?? found;
  by.dataset.pending = "";
  pending.add(by);
  actions.push(found.dataset[name] ?? "");
}

/** @param {string} part */
async function fetched(part) {
  const response = await fetch(parts[part].href);
  if (!response.ok) throw new Error(`${part}: ${response.status}`);
  return response;
}

/** The snapshot, if it is the one that this page was built with. */
async function fetchSnapshot() {
  const bytes = await (await fetched("snapshot")).arrayBuffer();
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (hex !== parts.snapshot.dataset.digest) throw new Error("snapshot: spoiled");
  return bytes;
}

async function startPlain(/** @type {any} */ glue, /** @type {any} */ wasm) {
  const [library, client] = await Promise.all(
    ["library", "client"].map(async (part) => (await fetched(part)).arrayBuffer()),
  );
  const files = {
    "/lib/python314.zip": new Uint8Array(library),
    "/lib/client.zip": new Uint8Array(client),
  };
  return startPython({ glue, wasm, files, env: { PYTHONPATH: "/lib/client.zip" } });
}

async function boot() {
  const glue = import(parts.glue.href);
  const wasm = WebAssembly.compileStreaming(fetched("wasm"));
  const root = document.documentElement;
  let python;
  try {
    root.dataset.boot = "snapshot";
    const snapshot = fetchSnapshot();
    snapshot.catch(() => {}); // it may fail before anybody waits for it
    python = await startPython({ glue, wasm, snapshot });
    // The snapshot's generator is the same for everyone.
    python.pyimport("random").seed();
  } catch (error) {
    console.warn("Starting without the snapshot:", error);
    root.dataset.boot = "plain";
    python = await startPlain(glue, wasm);
  }
  python.pyimport("client_py.browser.main").start();
  for (const type of ["click", "submit"]) document.removeEventListener(type, keep, true);
  for (const element of pending) delete element.dataset.pending;
  performance.mark("tertulia:python-ready");
}

const painted = new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
const problem = missing();
if (problem) fail(problem);
else {
  const preferences = kept("tertulia.preferences", /** @type {Preferences} */ ({}));
  const assets = Object.fromEntries(Object.entries(parts).map(([part, { href }]) => [part, href]));
  // A drawn picture, or no room to be seen in: no device is asked for.
  const off = { microphone: { on: false }, camera: { on: false } };
  const synthetic = new URLSearchParams(location.search).has("media");
  const media = openMedia(room && !synthetic ? preferences : off);
  if (room) body.dataset.room = "open";
  const admission = room ? admit() : null;
  Object.assign(window, {
    tertulia: {
      snapshot: () => null,
      boot: { room, preferences, media, admission, actions, assets, certificate: makeCertificate() },
    },
  });
  const name = /** @type {HTMLInputElement | null} */ (document.getElementById("display-name"));
  if (name && !name.value) name.value = preferences.name ?? "";
  for (const type of ["click", "submit"]) document.addEventListener(type, keep, true);
  painted.then(() => performance.mark("tertulia:first-paint"));
  boot().catch((error) => {
    console.error(error);
    fail("boot-failed");
  });
}
