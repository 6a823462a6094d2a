"""WebSocket handshake, frames and connections, as the server."""
