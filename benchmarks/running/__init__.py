"""Runs of one tool after the other: processes on cores of their own, their server, and readings during the run."""
