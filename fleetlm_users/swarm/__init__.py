"""The only rooms that touch Locust events, runners, options and web UI."""
