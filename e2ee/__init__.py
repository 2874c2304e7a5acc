"""Encryption from end to end, per link and direction: SFrame under a key of its own.

Proven, and not yet used by a call. Media is protected by DTLS-SRTP between the two
browsers; whoever runs the server could still put themselves in between.
"""
