"""What the users of a reconnect storm share on one process."""
