"""Precise timers, sleeping users, health of the event loop, garbage collection."""
