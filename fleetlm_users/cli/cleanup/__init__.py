"""`fleetlm-bench cleanup`: find and delete what earlier runs left on a server."""
