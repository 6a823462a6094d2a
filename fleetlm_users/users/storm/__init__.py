"""The parts of a reconnect storm that its users share in one process."""
