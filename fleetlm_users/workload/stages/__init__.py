"""A run in stages: their notation, and the load they plan for each second."""
