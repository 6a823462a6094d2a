"""What all reports say in the same words: the slowest messages by name, and the run in a few sentences."""
