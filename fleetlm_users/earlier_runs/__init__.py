"""The result folders of earlier runs: read, and checked before anything rests on them."""
