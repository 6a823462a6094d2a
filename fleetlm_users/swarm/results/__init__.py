"""The files that a run leaves: its folder, what a person asked for, and Locust's own."""
