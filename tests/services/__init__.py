"""What a server of ours talks to, on this machine: for tests, and for trying it out."""
