"""Sessions that arrive at a rate, whatever the server does: when each is due, and in which process it begins."""
