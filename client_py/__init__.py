"""Tertulia's client: one logic, in the page and headless."""
