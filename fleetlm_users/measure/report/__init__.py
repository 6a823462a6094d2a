"""The summary of a run and everything rendered from it."""
