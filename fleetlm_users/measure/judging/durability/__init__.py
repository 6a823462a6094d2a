"""The results of a server crash during a run."""
