"""`fleetlm-bench report`: write the reports of a run again from its summary."""
