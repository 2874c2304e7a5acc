"""The Tertulia server: pages, tokens and signaling. No media passes through it."""
