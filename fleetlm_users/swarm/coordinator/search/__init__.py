"""A capacity search: it moves the users of a run until the highest load that keeps the thresholds is found."""
