"""Whether one run is worse than another: the same figures of both, with confidence intervals. Pure."""
