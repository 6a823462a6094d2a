"""The only package that touches Locust's events, runners, options and web UI."""
