"""`fleetlm-bench trend`: many runs of one set-up over time, and where their figures changed."""
