"""The process that prepares, starts, ends and judges a run: Locust's master, or a standalone process."""
