"""A threshold: its definition and its notation."""
