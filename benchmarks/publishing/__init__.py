"""The measurements, stored as JSON and shown on the terminal, as Markdown, and as a picture."""
