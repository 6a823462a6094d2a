"""A threshold: what it is, and how it is written."""
