"""The conclusion of a run: its figures, its verdict, the summary and the result files."""
