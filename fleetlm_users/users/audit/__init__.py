"""The audit of a run: what the server acknowledged, remembered while users live, read back when they are gone."""
