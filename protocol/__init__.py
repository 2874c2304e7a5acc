"""The wire messages of Tertulia, defined once.

Server, page and headless participant read these same files, so this package
uses the standard library alone. ``README.md`` beside it is the specification.
"""
