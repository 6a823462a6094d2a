"""Acknowledged messages, remembered in little memory and compared with the server's stored ones. Pure."""
