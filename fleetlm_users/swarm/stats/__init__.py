"""From events to the ledger and to Locust's tables."""
