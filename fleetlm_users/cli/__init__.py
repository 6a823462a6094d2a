"""The `fleetlm-bench` command: what a person needs before and after a run. Knows no Locust and starts no load."""
