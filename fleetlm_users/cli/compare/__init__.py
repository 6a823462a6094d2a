"""`fleetlm-bench compare`: hold two runs against each other, with confidence intervals."""
