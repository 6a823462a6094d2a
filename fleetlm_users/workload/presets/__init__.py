"""Presets, and the file that defines them."""
