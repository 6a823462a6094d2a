"""Several devices in one session: opened, written from, listened to, counted."""
