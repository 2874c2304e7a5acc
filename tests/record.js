// @ts-check
/* Has every worker of a page tell what came to the page; tests/recorder.py hears it.

   The worker that opens frames counts what it makes of each, so it is the recording peer of
   all who send to its page. Said to the console, it outlives a page that is reloaded or closed. */
(() => {
  const say = (/** @type {object} */ what) =>
    console.debug(`recorded: ${JSON.stringify({ page: performance.timeOrigin, ...what })}`);
  /** @type {Record<string, Record<string, number>>} */
  const counted = {}; // what came, by link and slot
  let said = "";

  const note = (/** @type {typeof counted} */ counts) => {
    for (const [name, found] of Object.entries(counts))
      if (name.endsWith(" receive")) counted[name] = found;
    // Of frames that were opened more and more come; only other news are worth a word.
    const news = JSON.stringify(
      Object.entries(counted).map(([name, { ok, dup, ...rest }]) => [name, !!ok, rest]),
    );
    if (news !== said) say({ counted });
    said = news;
  };

  const workers = /** @type {Set<{look: () => Promise<void>}>} */ (new Set());
  window.Worker = class extends Worker {
    /** Who waits for each answer; null where the page does. */
    #asked = /** @type {(null | (() => void))[]} */ ([]);

    constructor(/** @type {[any]} */ ...given) {
      super(...given);
      workers.add(this);
      this.addEventListener("message", (event) => {
        if (event.data.kind !== "counts") return;
        note(event.data.counts);
        const asked = this.#asked.shift();
        if (!asked) return;
        event.stopImmediatePropagation(); // the page has not
        asked();
      });
    }

    /** @param {any} message @param {any} rest */
    postMessage(message, ...rest) {
      if (message.kind === "count") this.#asked.push(null);
      if (message.kind === "leave") this.look(); // what was counted of a link goes with it
      super.postMessage(message, ...rest);
    }

    /** @returns {Promise<void>} */
    look() {
      return new Promise((done) => {
        this.#asked.push(done);
        super.postMessage({ kind: "count" });
      });
    }

    terminate() {
      workers.delete(this); // it answers nobody any more
      super.terminate();
    }
  };

  const look = () => Promise.all([...workers].map((each) => each.look()));
  setInterval(look, 200); // of a page that goes away nothing can be asked any more

  /** Note what came up to now, in a second at most: a worker may be dead by itself. */
  /** @type {any} */ (window).recorded = () =>
    Promise.race([look(), new Promise((done) => setTimeout(done, 1000))]);

  // What the page says of the encryption of those whose pictures go on.
  const shown = new Set();
  addEventListener("timeupdate", async ({ target }) => {
    const tile = target instanceof HTMLVideoElement && target.closest("[data-e2ee]");
    if (!(tile instanceof HTMLElement) || tile.dataset.self === "yes") return;
    const e2ee = tile.dataset.e2ee;
    if (shown.has(e2ee)) return;
    shown.add(e2ee);
    await look();
    const pictures = Object.entries(counted).filter(([name]) => / [12] receive$/.test(name));
    say({ e2ee, opened: pictures.reduce((sum, [, { ok = 0 }]) => sum + ok, 0) });
  }, true);
})();
