"""The load generators that are compared: how each gets its load, and how its report is read."""
