"""`fleetlm-bench list`: benchmarks, presets, metrics and options."""
