"""REST over a connection pool of our own."""
