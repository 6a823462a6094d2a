"""An uneven load: its notation, and the share that each session gets."""
