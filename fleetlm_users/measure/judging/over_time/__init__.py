"""Judgements over time: the growth of the server's figures, and every window of a run."""
