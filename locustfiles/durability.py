"""The cost of a crash: steady writes while the server is stopped and restarted, then an audit of what it acknowledged.

locust --headless -f locustfiles/durability.py --standin                       # the stand-in, killed and restarted
locust --headless -f locustfiles/durability.py -H http://localhost:4000 --server-pid 12345 --crash term
locust --headless -f locustfiles/durability.py --stop-command "docker kill chat" --restart-command "docker start chat"
"""

from fleetlm_users import DurabilityUser, crash_plan, install

install("durability", [DurabilityUser], crash=crash_plan)
