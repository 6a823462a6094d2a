"""The audit of a run: acknowledged messages are remembered while users run, and read back once they have left."""
