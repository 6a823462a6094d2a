"""The `fleetlm-bench` command: tools for use before and after a run. Knows no Locust and starts no load."""
