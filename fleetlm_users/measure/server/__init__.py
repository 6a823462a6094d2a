"""The server's own metrics."""
