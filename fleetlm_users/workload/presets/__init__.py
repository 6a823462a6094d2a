"""Presets, and the file that holds them."""
