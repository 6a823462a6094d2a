"""Faults on request, delays, and FleetLM's own defects."""
