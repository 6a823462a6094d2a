"""The behaviours: Locust User classes."""
