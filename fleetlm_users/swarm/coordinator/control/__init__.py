"""Changes of the load while a run is on: how many users it should have, and how fast their timetables run."""
