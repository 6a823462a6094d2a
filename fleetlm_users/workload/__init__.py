"""What to send and when: pure."""
