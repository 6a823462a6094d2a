"""The summary of a run: its types, its figures, and the document that they make."""
