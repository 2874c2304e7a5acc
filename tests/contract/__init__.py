"""The promises of the ports, kept by every implementation of them."""
