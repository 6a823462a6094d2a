"""Mixed workload: people who stay, who write a lot, who come and go; optionally some who watch their inbox.

locust --headless -f locustfiles/mixed.py                       # preset light against http://localhost:4000
locust --headless -f locustfiles/mixed.py --standin             # the same on the embedded FleetLM
locust --headless -f locustfiles/mixed.py --preset stress -H http://fleetlm:4000
locust -f locustfiles/mixed.py                                  # web UI on http://127.0.0.1:8089
"""

from fleetlm_users import BurstUser, ChurnUser, InboxWatcher, LongLivedUser, install

install("mixed", [LongLivedUser, BurstUser, ChurnUser, InboxWatcher])
