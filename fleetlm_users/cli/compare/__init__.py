"""`fleetlm-bench compare`: compare two runs, with confidence intervals."""
