"""The way from events to the ledger and to Locust's tables."""
