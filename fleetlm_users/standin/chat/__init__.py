"""Sessions, messages and inboxes."""
