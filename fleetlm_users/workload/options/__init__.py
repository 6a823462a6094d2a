"""Options: declared once, then read from flag, variable, file and form."""
