"""What several tests have a page do, or expect it to complain of."""

#: A page complains so of a server that is away.
UNREACHABLE = r"WebSocket|ERR_CONNECTION|Failed to load|NetworkError|/api/"

#: A script that keeps a page's connections in ``window.links``, the oldest first.
KEEP_LINKS = """
window.links = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...rest) { super(...rest); window.links.push(this); }
};
"""

#: A script that keeps a page's workers in ``window.workers``, the oldest first.
KEEP_WORKERS = """
window.workers = [];
window.Worker = class extends Worker {
  constructor(...given) { super(...given); window.workers.push(this); }
};
"""

#: A script that keeps what a page's workers counted in ``window.counts``; how often it
#: was told is ``window.told``. The newest keys under which frames of each link came
#: are in ``window.generations``.
KEEP_COUNTS = """
window.counts = {};
window.generations = {};
window.told = 0;
window.Worker = class extends Worker {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", ({ data }) => {
      if (data.kind === "opened") window.generations[data.link] = data.generation;
      if (data.kind !== "counts") return;
      Object.assign(window.counts, data.counts);
      window.told += 1;
    });
  }
};
"""

#: A script that sets each sender's transform one task late.
LATE = """
const transform = Object.getOwnPropertyDescriptor(RTCRtpSender.prototype, "transform");
Object.defineProperty(RTCRtpSender.prototype, "transform", {
  get: transform.get,
  set(given) { setTimeout(() => transform.set.call(this, given)); },
});
"""

#: A script that keeps in ``window.trail`` what the shields of tiles said, one after
#: another, as people read and hear it.
KEEP_SHIELDS = """
window.trail = [];
new MutationObserver((changes) => {
  for (const { target } of changes)
    if (target.matches(".tile-e2ee")) window.trail.push(target.getAttribute("title"));
}).observe(document, { subtree: true, attributes: true, attributeFilter: ["title"] });
"""

#: A script that makes a browser an older one, without transforms of frames.
NO_TRANSFORMS = "delete window.RTCRtpScriptTransform;"

#: A script that takes from a browser everything by which frames could be encrypted.
NO_FRAMES = """
delete window.RTCRtpScriptTransform;
delete RTCRtpSender.prototype.createEncodedStreams;
"""

#: A script that has a page send plain frames, as Chromium does where a transform is
#: set a task too late: without a word.
DEAF = """
Object.defineProperty(RTCRtpSender.prototype, "transform",
  { set() {}, get: () => null });
"""

#: A script that has a page show frames as they come, whatever its worker would say.
UNOPENED = """
Object.defineProperty(RTCRtpReceiver.prototype, "transform",
  { set() {}, get: () => null });
"""

#: What a policy, or an extension that guards addresses, does.
FORBIDDEN = """
window.RTCPeerConnection = class {
  constructor() { throw new DOMException("forbidden", "NotAllowedError"); }
};
"""

#: A script that makes a browser one that keeps nothing of a site, as people may choose.
NOTHING_KEPT = """
for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"])
  Object.defineProperty(window, name, {
    get() { throw new DOMException("by the test", "SecurityError"); },
  });
"""
