"""One module per behaviour, or per group of behaviours that share a pace."""
