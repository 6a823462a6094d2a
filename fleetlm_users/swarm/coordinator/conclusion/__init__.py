"""The conclusion of a run: what its numbers show, its verdict, the summary and the result files."""
