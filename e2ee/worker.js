// @ts-check
/* Protects and opens frames, byte for byte as frame.py and keyring.py do.

   Python decides: which keys, from when, until when. It says so by messages:
     {kind: "send", link, generation, keys}      from the next frame on
     {kind: "receive", link, generation, keys}   be ready for them
     {kind: "forget", link, generation}          open them no more
     {kind: "stop", link}                        send nothing more
     {kind: "leave", link}                       all of it
     {kind: "admit", link, slot}                 what comes is no canary's any more
     {kind: "streams", options, readable, writable}, where a browser has no transforms
     {kind: "count"}                             answered with {kind: "counts", counts}
   where keys is a list of {slot, kid, key, salt}: a CryptoKey that can't be extracted, 12 bytes;
   and a counter, where some were used with that key already.
   Told by itself, once each: {kind: "opened", link, generation} and, of a canary's first frame,
   {kind: "passing", link, slot}. A transform's options are {link, slot, way, canary}, the way being
   "send" or "receive". Nothing passes in plain, and no canary's frame at all. */

const LIMIT = 2 ** 24; // frames under one key
const WINDOW = 1024; // counters that are remembered
const PATIENCE = 300; // ms between two requests for a key frame
const VIDEO = [1, 2]; // slots whose frames are VP8
const DOMAIN = [0x6d, 0x66, 0x31]; // "mf1"
const [IV, AAD] = [new Uint8Array(12), new Uint8Array(32)]; // header 17, domain 3, slot, clear 10

/** @typedef {{kid: number, slot: number, key: CryptoKey, salt: Uint8Array, generation: number,
               counter: number, highest: number, seen: Int32Array}} Key */
const sending = /** @type {Map<string, {generation: number, keys: Map<number, Key>}>} */ (new Map());
/** @type {Map<string, {newest: number, opened: number, keys: Map<number, Key>}>} */
const receiving = new Map();
const counted = /** @type {Map<string, Record<string, number>>} */ (new Map());
const probed = /** @type {Set<string>} */ (new Set()); // only canaries go through these yet

class Refused extends Error {}

/** How many bytes stay readable. @param {number} slot @param {Uint8Array} frame */
function clearLength(slot, frame) {
  if (!VIDEO.includes(slot)) return 0;
  const length = frame[0] & 1 ? 1 : 10;
  if (frame.length < length) throw new Refused("plain");
  return length;
}

/** One value of a header: its half of the first byte, and bytes.
    @param {number} value @returns {[number, number[]]} */
function encode(value) {
  if (value < 8) return [value, []];
  const bytes = [];
  for (let rest = value; rest; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [8 | (bytes.length - 1), bytes];
}

/** Undo encode. Beyond 2^53 a value is inexact, and then no key's nor below the limit.
    @param {number} half @param {Uint8Array} frame @param {number} start @returns {[number, number]} */
function decode(half, frame, start) {
  if (half < 8) return [half, start];
  const end = start + (half & 7) + 1;
  if (end > frame.length) throw new Refused("plain");
  let value = 0;
  for (let at = start; at < end; at++) value = value * 256 + frame[at];
  if (value < 8 || !frame[start]) throw new Refused("plain");
  return [value, end];
}

/** @param {Uint8Array[]} parts */
function join(...parts) {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((at, part) => (whole.set(part, at), at + part.length), 0);
  return whole.buffer;
}

/** What AES-GCM takes. It copies the bytes, so that all frames may share them.
    @param {Key} key @param {number} counter @param {Uint8Array} header @param {Uint8Array} clear */
function parameters({ salt, slot }, counter, header, clear) {
  IV.set(salt);
  IV[9] ^= counter >>> 16; // a counter has 24 bits
  IV[10] ^= counter >>> 8;
  IV[11] ^= counter;
  AAD.set(header);
  AAD.set([...DOMAIN, slot], header.length);
  AAD.set(clear, header.length + 4);
  return { name: "AES-GCM", iv: IV, additionalData: AAD.subarray(0, header.length + 4 + clear.length) };
}

/** @param {string} link @param {number} slot @param {Uint8Array<ArrayBuffer>} frame
    @returns {Promise<[ArrayBuffer, boolean]>} */
async function protect(link, slot, frame) {
  const key = sending.get(link)?.keys.get(slot);
  if (!key) throw new Refused("nokey");
  const clear = frame.subarray(0, clearLength(slot, frame));
  if (key.counter >= LIMIT) throw new Refused("exhausted");
  const counter = key.counter++; // before anything is waited for
  const [x, kid] = encode(key.kid);
  const [y, ctr] = encode(counter);
  const header = Uint8Array.of((x << 4) | y, ...kid, ...ctr);
  const how = parameters(key, counter, header, clear);
  const sealed = await crypto.subtle.encrypt(how, key.key, frame.subarray(clear.length));
  return [join(clear, header, new Uint8Array(sealed)), false];
}

/** @param {string} link @param {number} slot @param {Uint8Array<ArrayBuffer>} frame
    @returns {Promise<[ArrayBuffer, boolean]>} the frame, and whether some before it are missing */
async function unprotect(link, slot, frame) {
  const start = clearLength(slot, frame);
  if (frame.length <= start) throw new Refused("plain");
  const [kid, middle] = decode(frame[start] >> 4, frame, start + 1);
  const [counter, end] = decode(frame[start] & 15, frame, middle);
  if (counter >= LIMIT || kid > 255 || (kid & 7) !== slot) throw new Refused("plain");
  const keys = receiving.get(link);
  const key = keys?.keys.get(kid);
  if (!keys || !key) throw new Refused("nokey");
  const look = () => {
    if (counter <= key.highest - WINDOW) throw new Refused("old");
    if (key.seen[counter % WINDOW] === counter) throw new Refused("dup");
  };
  look();
  const clear = frame.subarray(0, start);
  const how = parameters(key, counter, frame.subarray(start, end), clear);
  const plain = await crypto.subtle.decrypt(how, key.key, frame.subarray(end)).catch(() => {
    throw new Refused("auth");
  });
  look(); // another transform may have taken it meanwhile
  const gap = key.highest >= 0 && counter > key.highest + 1;
  key.seen[counter % WINDOW] = counter;
  key.highest = Math.max(key.highest, counter);
  if (key.generation === keys.newest && keys.opened < key.generation) {
    keys.opened = key.generation;
    self.postMessage({ kind: "opened", link, generation: key.generation });
  }
  return [start ? join(clear, new Uint8Array(plain)) : plain, gap];
}

/** @param {any} event of an RTCRtpScriptTransform */
function transform({ transformer }) {
  const { link, slot, way, canary } = transformer.options;
  const name = `${link} ${slot} ${way}`;
  const work = way === "send" ? protect : unprotect; // which lets nothing through in plain
  if (canary) probed.add(name);
  const counts = counted.get(name) ?? {};
  counted.set(name, counts);
  const count = (/** @type {string} */ what) => (counts[what] = (counts[what] ?? 0) + 1);
  let asked = -Infinity;
  const ask = () => {
    if (!VIDEO.includes(slot) || performance.now() - asked < PATIENCE) return;
    asked = performance.now();
    // It refuses where nothing is received any more, and then nothing is missing.
    transformer.sendKeyFrameRequest?.()?.catch?.(() => count("norequest"));
  };
  const [reader, writer] = [transformer.readable.getReader(), transformer.writable.getWriter()];
  const pass = async (/** @type {any} */ frame) => {
    if (probed.has(name)) {
      if (!counts.canary) self.postMessage({ kind: "passing", link, slot });
      return count("canary"); // dropped
    }
    try {
      const [done, gap] = await work(link, slot, new Uint8Array(frame.data));
      if (gap) ask();
      frame.data = done;
    } catch (error) {
      const why = error instanceof Refused ? error.message : "error";
      if (way === "receive" && why !== "dup" && why !== "old") ask();
      return count(why); // dropped
    }
    count("ok");
    await writer.write(frame);
  };
  const run = async () => { // a TransformStream between two pipes costs a third more
    for (let got = await reader.read(); !got.done; got = await reader.read()) await pass(got.value);
  };
  run().then(() => writer.close()).catch(() => count("ended")); // it ends with its connection, however that ends
}

/** @param {any} message */
const fresh = ({ generation, keys }) => keys.map((/** @type {Partial<Key>} */ key) => (
  { counter: 0, ...key, generation, highest: -1, seen: new Int32Array(WINDOW).fill(-1) }));

self.onmessage = ({ data }) => {
  const { kind, link, generation } = data;
  if (kind === "streams") return transform({ transformer: data });
  const theirs = receiving.get(link) ?? { newest: -1, opened: -1, keys: new Map() };
  if (kind === "send" && generation > (sending.get(link)?.generation ?? -1)) {
    const keys = new Map(fresh(data).map((/** @type {Key} */ key) => [key.slot, key]));
    sending.set(link, { generation, keys });
  } else if (kind === "receive" && generation > theirs.newest) {
    theirs.newest = generation;
    for (const key of fresh(data)) theirs.keys.set(key.kid, key);
    receiving.set(link, theirs);
  } else if (kind === "forget") {
    for (const [kid, key] of theirs.keys) if (key.generation === generation) theirs.keys.delete(kid);
  } else if (kind === "admit") probed.delete(`${link} ${data.slot} send`);
  else if (kind === "stop") sending.get(link)?.keys.clear();
  else if (kind === "leave") {
    sending.get(link)?.keys.clear(); // its generation stays: no counter starts over
    theirs.keys.clear();
    for (const name of counted.keys())
      if (name.startsWith(`${link} `) && counted.delete(name)) probed.delete(name);
  } else if (kind === "count") self.postMessage({ kind: "counts", counts: Object.fromEntries(counted) });
};
// At the top level: an event that comes before its handler is lost for ever.
/** @type {any} */ (self).onrtctransform = transform;
