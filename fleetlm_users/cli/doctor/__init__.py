"""`fleetlm-bench doctor`: check the targets step by step, and say how to fix any failure."""
