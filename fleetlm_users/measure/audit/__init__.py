"""Acknowledged messages, remembered in little memory and compared with what the server has stored. Pure."""
