"""The client without a browser: the same logic over aiortc, for tests and robots."""
