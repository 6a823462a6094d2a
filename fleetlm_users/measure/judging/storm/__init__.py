"""What a reconnect storm came to: who was back when, what was missed, what it cost, and who was the limit."""
