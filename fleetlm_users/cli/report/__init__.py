"""`fleetlm-bench report`: the reports of a run, written again from its summary."""
