"""The result folders of earlier runs: read, and checked before they are used."""
