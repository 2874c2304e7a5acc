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
