"""`fleetlm-bench control`: changes a run that is on, through the web UI of its master."""
