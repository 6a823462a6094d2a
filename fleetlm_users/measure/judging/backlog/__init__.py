"""Backlogs: how far a server was behind, and whether it keeps up."""
