"""Phoenix sockets and channels, as the server."""
