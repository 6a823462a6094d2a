"""The workers of a run behind one protocol: this process itself, or Locust workers that a master talks to."""
