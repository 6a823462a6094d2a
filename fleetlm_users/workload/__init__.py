"""The content and the times of what a run sends: pure."""
