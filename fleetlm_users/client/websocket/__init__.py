"""WebSocket handshake, frames and transport."""
