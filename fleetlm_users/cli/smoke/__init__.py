"""`fleetlm-bench smoke`: every benchmark for a few seconds, before a long night."""
