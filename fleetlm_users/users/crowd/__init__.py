"""Several devices on one session: opened, written from, listened to, counted."""
