"""Options: declared once, read from flag, variable, file and form."""
