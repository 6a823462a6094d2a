"""What happened in each second."""
