"""The orders a coordinator gives to every process during a run."""
