"""The storage of messages: write-behind, losses, crashes, a file, a database."""
