"""A run in stages: how they are written, and what they ask for in each second."""
