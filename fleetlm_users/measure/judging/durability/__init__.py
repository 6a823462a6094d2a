"""What a crash of the server in mid-run came to."""
