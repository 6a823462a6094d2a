"""Phoenix v2 frames and what answers what: pure, no clock, no I/O."""
