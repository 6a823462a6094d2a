"""The port, REST and the control routes."""
