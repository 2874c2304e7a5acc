// @ts-check
/* The least that a worker of frames can do: it passes them on. */

/** @type {any} */ (self).onrtctransform = (/** @type {any} */ { transformer }) =>
  transformer.readable.pipeTo(transformer.writable).catch(() => {});
