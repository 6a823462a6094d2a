"""The results of a reconnect storm: when sessions were back, what they missed, what it cost, and what the limit was."""
