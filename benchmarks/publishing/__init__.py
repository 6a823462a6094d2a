"""What was measured, kept as JSON and shown: on the terminal, as Markdown, as a picture."""
