"""Pages, routes and guards in Locust's web UI; the Prometheus endpoint."""
