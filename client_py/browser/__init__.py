"""Tertulia in the page: the ports over the browser's APIs, and the view."""
