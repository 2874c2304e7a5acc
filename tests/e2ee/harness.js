// @ts-check
/* Drives the worker as a browser does: by an `rtctransform` event, with streams of frames.

   {kind: "run", id, options, frames} puts base64 frames through one transform and answers
   {kind: "ran", id, frames, requests, microseconds}. Counts come from the worker itself. */
import "/worker.js";

const decode = (/** @type {string} */ text) =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer;
const encode = (/** @type {ArrayBuffer} */ bytes) => {
  let text = "";
  for (const byte of new Uint8Array(bytes)) text += String.fromCharCode(byte);
  return btoa(text);
};

self.addEventListener("message", async ({ data }) => {
  if (data.kind !== "run") return;
  /** @type {string[]} */
  const out = [];
  let requests = 0;
  const frames = data.frames.map((/** @type {string} */ each) => ({ data: decode(each) }));
  const start = performance.now();
  await new Promise((resolve) => {
    /** @type {any} */ (self).onrtctransform({
      transformer: {
        options: data.options,
        readable: new ReadableStream({
          pull(controller) {
            if (frames.length) controller.enqueue(frames.shift());
            else controller.close();
          },
        }),
        writable: new WritableStream({
          write: (frame) => void out.push(frame.data),
          close: () => resolve(undefined),
        }),
        sendKeyFrameRequest: async () => void requests++,
      },
    });
  });
  const microseconds = (1000 * (performance.now() - start)) / Math.max(1, data.frames.length);
  const ran = out.map((each) => encode(/** @type {any} */ (each)));
  self.postMessage({ kind: "ran", id: data.id, frames: ran, requests, microseconds });
});
