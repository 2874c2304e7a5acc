"""Encryption from end to end: so far the header of an SFrame, and no more.

Nothing in a call uses it yet. Media is protected by DTLS-SRTP between the two
browsers; whoever runs the server could still put themselves in between.
"""
