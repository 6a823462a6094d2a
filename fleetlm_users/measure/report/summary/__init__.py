"""The summary of a run: its types, its figures, and the document they form."""
