"""Load-test framework for FleetLM on top of Locust.

Importing this package imports nothing else: `fleetlm_users.protocol`, `.workload` and `.measure` stay usable
without gevent and Locust.
"""

__version__ = "0.1.0"
