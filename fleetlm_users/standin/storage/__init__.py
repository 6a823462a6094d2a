"""What is stored of the messages and what is not: write-behind, losses, crashes, a file, a database."""
