"""Judgements of what happens over time: the growth of the server's figures, and every window of a run."""
