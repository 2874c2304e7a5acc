"""Several processes that serve one room: killed, stopped, and without their Redis."""
