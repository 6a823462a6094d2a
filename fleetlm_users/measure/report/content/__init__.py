"""Content that all reports word alike: the slowest messages by name, and the run in a few sentences."""
