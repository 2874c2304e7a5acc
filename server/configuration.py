"""What uvicorn is told, and its protocols ask."""

import uvicorn

from server.gate import Gate


class Configuration(uvicorn.Config):
    """uvicorn's configuration, and the gate that its protocols ask."""

    gate: Gate
