"""One run of one tool after the other: processes on cores of their own, their server, what is read meanwhile."""
