"""Sessions that arrive at a rate, whatever the server does: when each is due, and on which process it begins."""
