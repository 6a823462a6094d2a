"""Phoenix sockets and channels."""
