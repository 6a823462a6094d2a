"""The files that a run leaves: its folder, the files the user asked for, and Locust's own."""
