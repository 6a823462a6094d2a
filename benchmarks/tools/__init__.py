"""The load generators that are compared: how each is told a load, and how its report is read."""
