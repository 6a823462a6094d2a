"""`fleetlm-bench schema`: the published JSON Schemas of the files that a run leaves."""
