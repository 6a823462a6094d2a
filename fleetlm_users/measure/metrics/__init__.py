"""Declarations of metrics, and the catalogue of a run."""
