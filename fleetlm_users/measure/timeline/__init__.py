"""The seconds of a run."""
