"""`fleetlm-bench cleanup`: find and delete sessions that earlier runs left on a server."""
