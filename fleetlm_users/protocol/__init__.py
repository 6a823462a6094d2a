"""Phoenix v2 frames, and which message answers which: pure, no clock, no I/O."""
