"""The behaviours that come with this package, one module per kind of load."""
