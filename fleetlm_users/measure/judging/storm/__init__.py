"""The results of a reconnect storm: who was back when, what was missed, what it cost, and what was the limit."""
