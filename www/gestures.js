// @ts-check
/**
 * Keeps what is clicked, chosen and submitted until Python is there, in `tertulia.early`.
 * It stands before the style sheet and is no module: nothing is painted before it has run,
 * while boot.js runs when all that it imports has come.
 */

(() => {
  /** @typedef {{kind: string, element: HTMLElement, value: string}} Gesture */

  /** Which attribute names what a gesture does. @type {Record<string, string>} */
  const named = { click: "action", submit: "submit", change: "change" };
  /** @type {Gesture[]} */
  const gestures = [];
  /** @type {Set<HTMLElement>} */
  const pending = new Set();

  /** What is asked for: of a toggle the state that it shows from now on, not its turning. @param {HTMLElement} element */
  function asked(element) {
    const before = element.getAttribute("aria-pressed");
    if (before === null) return /** @type {any} */ (element).value ?? "";
    const now = String(before !== "true");
    element.setAttribute("aria-pressed", now);
    return now;
  }

  /** @param {Event} event */
  function keep(event) {
    const kind = event.type;
    const element = /** @type {Element} */ (event.target).closest(`[data-${named[kind]}]`);
    if (!(element instanceof HTMLElement)) return;
    if (kind === "submit") event.preventDefault();
    gestures.push({ kind, element, value: asked(element) });
    if (kind === "change") return;
    const by = /** @type {SubmitEvent} */ (event).submitter ?? element;
    by.dataset.pending = "";
    pending.add(by);
  }

  /** Python takes gestures by itself from now on. */
  function release() {
    for (const kind in named) document.removeEventListener(kind, keep, true);
    for (const element of pending) delete element.dataset.pending;
  }

  for (const kind in named) document.addEventListener(kind, keep, true);
  Object.assign(window, { tertulia: { snapshot: () => null, early: { gestures, release } } });
})();
