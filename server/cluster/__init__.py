"""Several processes that serve one room.

Whatever changes a room is a ``Command`` (``command.py``) and goes into that room's
stream in Redis (``streams.py``). Every process that follows the room applies all of
them in the stream's order, and so has the same room; it tells what follows to those
whose sockets it holds (``switchboard.py``). ``snapshot.py`` is a room as it is after
one of its commands, for processes that come later; ``leases.py`` says which processes
live, and ``node.py`` puts one together.

With one process nothing of this is imported.
"""
