// @ts-check
/* Measures a worker of frames from inside: imported after it, it puts itself around its transforms. */

/** @type {Record<string, number[]>} */
let took = { send: [], receive: [] };
/** @type {Record<string, number[]>} */
let grown = { send: [], receive: [] };
const real = /** @type {any} */ (self).onrtctransform;

/** @type {any} */ (self).onrtctransform = (/** @type {any} */ event) => {
  const { transformer } = event;
  const { options } = transformer;
  const name = options.way ?? (options.kind === "encode" ? "send" : "receive"); // LiveKit's words
  /** @type {WeakMap<object, [number, number]>} */
  const began = new WeakMap();
  const readable = transformer.readable.pipeThrough(new TransformStream({
    transform(frame, controller) {
      began.set(frame, [performance.now(), frame.data.byteLength]);
      controller.enqueue(frame);
    },
  }, undefined, { highWaterMark: 1 }));
  const writer = transformer.writable.getWriter();
  const writable = new WritableStream({
    write(frame) {
      const [at, size] = began.get(frame) ?? [NaN, 0];
      took[name].push(performance.now() - at);
      grown[name].push(frame.data.byteLength - size);
      return writer.write(frame);
    },
  });
  const sendKeyFrameRequest = () => transformer.sendKeyFrameRequest?.();
  real.call(self, { transformer: { options, readable, writable, sendKeyFrameRequest } });
};
self.addEventListener("message", (/** @type {any} */ { data }) => {
  if (data.kind !== "took") return;
  self.postMessage({ kind: "took", took: { ...took, grown: grown.send } });
  [took, grown] = [{ send: [], receive: [] }, { send: [], receive: [] }];
});
