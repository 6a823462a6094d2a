"""Master and workers: messages, admission, liveness, clocks."""
