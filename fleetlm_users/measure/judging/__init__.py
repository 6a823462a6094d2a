"""Thresholds and the verdict."""
