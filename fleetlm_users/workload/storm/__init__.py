"""Reconnect storms: whose connections are cut when, and when a client comes back."""
