"""`fleetlm-bench smoke`: run every benchmark for a few seconds, before a long night."""
