"""The workers of a run behind one protocol: this very process, or Locust workers that a master talks to."""
