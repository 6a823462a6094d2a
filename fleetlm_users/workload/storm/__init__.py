"""Reconnect storms: which connections are cut when, and when their clients come back."""
