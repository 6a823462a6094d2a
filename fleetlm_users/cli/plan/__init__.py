"""`fleetlm-bench plan`: how many machines a load needs."""
