"""`fleetlm-bench control`: change the current run, through the web UI of its master."""
