"""What the coordinator asks of every process while a run is on."""
