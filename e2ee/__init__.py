"""Encryption from end to end, per link and direction: SFrame under a key of its own.

Whoever runs the server carries what two ends say, and can neither read nor forge it.
"""
