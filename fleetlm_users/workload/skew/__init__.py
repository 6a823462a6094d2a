"""An uneven load: how it is written, and the share of it that each session has."""
