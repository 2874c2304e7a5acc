// @ts-check
/**
 * What must happen before Python is there: show one's own picture, ask for the right to
 * enter. Python finds it all in `tertulia.boot`; what is clicked meanwhile is kept by
 * gestures.js.
 */

import { openMedia } from "./devices.js";
import { begin, fetched, keepSnapshot, parts, snapshot, wasm } from "./parts.js";
import { startPython } from "./python.js";

/** @typedef {import("./devices.js").Chosen & {name?: string}} Preferences */

const SESSION = "tertulia.session";
const AWAY = "tertulia.away"; // the address to come back to from a login
const FRESH = 60_000; // milliseconds that a token must still be good for
const LATER = 1_000; // milliseconds until what is kept for the next visit is written: not in the middle of a join

const { tertulia } = /** @type {any} */ (window);
const early = tertulia?.early;
const body = document.body;
const room = location.pathname.match(/^\/r\/([\w-]{1,64})$/)?.[1] ?? "";

/** @param {string} problem */
function fail(problem) {
  body.dataset.problem = problem;
  body.dataset.phase = "failed";
}

function missing() {
  if (!window.isSecureContext) return "insecure-context";
  const needed = ["WebAssembly", "RTCPeerConnection", "WebSocket", "crypto"];
  const lacks = needed.filter((name) => !(name in window));
  const told = document.getElementById("missing-features");
  if (told && lacks.length) told.textContent = `Missing here: ${lacks.join(", ")}`;
  return lacks.length ? "unsupported-browser" : "";
}

/** @typedef {"localStorage" | "sessionStorage"} Area of what is kept: the browser's, or this tab's */

/** What a browser that keeps nothing would have kept; Python goes on with it. @type {Record<Area, Record<string, string>>} */
const refused = { localStorage: {}, sessionStorage: {} };

/** @template T @param {string} key @param {T} none @param {Area} [area] @returns {T} */
function kept(key, none, area = "localStorage") {
  try {
    return { ...none, ...JSON.parse(window[area].getItem(key) ?? "{}") };
  } catch {
    return none; // storage refused, or not ours
  }
}

/** @param {string} key @param {object} value @param {Area} [area] */
function keep(key, value, area = "localStorage") {
  const text = JSON.stringify(value);
  try {
    window[area].setItem(key, text);
  } catch {
    refused[area][key] = text;
  }
}

/**
 * Take from the address what is for us alone: a room token, or that somebody has just
 * signed in. The rest of the fragment stays as it is.
 */
function arrive() {
  const parts = location.hash.slice(1).split("&");
  const token = parts.find((part) => part.startsWith("token="))?.slice(6) ?? "";
  const signedIn = parts.includes("signed-in");
  if (!token && !signedIn) return { token, signedIn };
  const rest = parts.filter((part) => part !== "signed-in" && !part.startsWith("token="));
  let address = location.pathname + location.search + (rest.length ? `#${rest.join("&")}` : "");
  const away = kept(AWAY, { path: "", address: "" }, "sessionStorage");
  if (signedIn && away.path === location.pathname) address = away.address;
  history.replaceState(history.state, "", address);
  return { token, signedIn };
}

/** The server is told the path alone: what follows it is not for it to know. */
function signIn(/** @type {Event} */ event) {
  const path = location.pathname;
  const link = /** @type {HTMLAnchorElement} */ (event.currentTarget);
  link.href = `/login?next=${encodeURIComponent(path)}`;
  const address = path + location.search + location.hash;
  keep(AWAY, { path, address }, "sessionStorage");
}

/** @param {string} path @param {string} token @param {object} [value] */
async function post(path, token, value = {}) {
  /** @type {Record<string, string>} */
  const headers = { "content-type": "application/json" };
  if (token) headers.authorization = `Bearer ${token}`;
  const body = JSON.stringify(value);
  const response = await fetch(path, { method: "POST", headers, body, cache: "no-store" });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(path), { code: answer.error?.code });
  return { ...answer, expires: Date.now() + 1000 * answer.expires_in };
}

async function openSession(/** @type {string} */ invitation) {
  const value = invitation ? { token: invitation } : {};
  const { token, expires, room, name } = await post("/api/session", "", value);
  const session = { token, expires, room };
  keep(SESSION, session, invitation ? "sessionStorage" : "localStorage");
  const field = /** @type {HTMLInputElement | null} */ (document.getElementById("display-name"));
  if (field && !field.value) field.value = name ?? "";
  return session;
}

/** @param {{token: string, signedIn: boolean}} arrival */
async function admit({ token, signedIn }) {
  try {
    const none = { token: "", expires: 0, room: "" };
    let session = kept(SESSION, none, "sessionStorage");
    if (session.room !== room) session = kept(SESSION, none);
    if (token || signedIn || session.expires < Date.now() + FRESH)
      session = await openSession(token);
    return { ok: true, ...(await post(`/api/rooms/${room}/token`, session.token)) };
  } catch (error) {
    const code = /** @type {any} */ (error).code ?? "server_unreachable";
    return token ? { ok: false, code, invited: true } : { ok: false, code };
  }
}

/** The key of every connection. Asked for here, it also wakes the browser's media threads while Python comes. */
async function makeCertificate() {
  await painted;
  try {
    new RTCPeerConnection().close();
    return await RTCPeerConnection.generateCertificate(/** @type {any} */ ({ name: "ECDSA", namedCurve: "P-256" }));
  } catch {
    return null; // a policy, or an extension, forbids connections: the connection test says so
  }
}

/** Have the lobby's toggles show what was on last time, if nobody has clicked them. @param {Preferences} preferences */
function showToggles({ microphone, camera }) {
  const clicked = early.gestures.map((/** @type {{element: HTMLElement}} */ { element }) => element);
  for (const [name, choice] of Object.entries({ mic: microphone, camera })) {
    const toggle = document.querySelector(`#preview-frame [data-action="toggle-${name}"]`);
    if (choice?.on === false && !clicked.includes(toggle)) toggle?.setAttribute("aria-pressed", "false");
  }
}

async function startPlain(/** @type {any} */ glue) {
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
  const glue = begin(() => import(parts.glue.href));
  const root = document.documentElement;
  let python;
  try {
    root.dataset.boot = "snapshot";
    python = await startPython({ glue, wasm, snapshot });
    // The snapshot's generator is the same for everyone.
    python.pyimport("random").seed();
  } catch (error) {
    console.warn("Starting without the snapshot:", error);
    root.dataset.boot = "plain";
    python = await startPlain(glue);
  }
  if (room && !(await tertulia.boot.certificate)) return fail("connections-forbidden");
  python.pyimport("client_py.browser.main").start();
  early.release();
  performance.mark("tertulia:python-ready");
  setTimeout(keepSnapshot, LATER);
}

const painted = new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
// There may never be a Python to do it.
document.querySelector('[data-testid="failed-reload"]')?.addEventListener("click", () => location.reload());
const arrival = arrive();
const problem = missing() || (early ? "" : "boot-failed"); // without gestures.js no click would count
if (problem) fail(problem);
else {
  const preferences = kept("tertulia.preferences", /** @type {Preferences} */ ({}));
  const assets = Object.fromEntries(Object.entries(parts).map(([part, { href }]) => [part, href]));
  // A drawn picture, or no room to be seen in: no device is asked for.
  const off = { microphone: { on: false }, camera: { on: false } };
  const synthetic = new URLSearchParams(location.search).has("media");
  const media = openMedia(room && !synthetic ? preferences : off);
  if (room) body.dataset.room = "open";
  const admission = room ? admit(arrival) : null;
  if (!room && arrival.signedIn) openSession("").catch(() => {}); // asked again when needed
  document.getElementById("sign-in")?.addEventListener("click", signIn);
  Object.assign(tertulia, { boot: { room, preferences, refused, media, admission, assets, certificate: makeCertificate() } });
  const name = /** @type {HTMLInputElement | null} */ (document.getElementById("display-name"));
  if (name && !name.value) name.value = preferences.name ?? "";
  showToggles(preferences);
  painted.then(() => performance.mark("tertulia:first-paint"));
  boot().catch((error) => {
    console.error(error);
    fail("boot-failed");
  });
}
