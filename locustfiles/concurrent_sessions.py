"""Many open sessions: how fast they are created and joined, and whether they stay.

locust --headless -f locustfiles/concurrent_sessions.py --standin              # 50 sessions, 2 minutes
locust --headless -f locustfiles/concurrent_sessions.py -u 2000 --ramp-up 60s --keep-alive-ms 0 -t 10m --processes 4
"""

from fleetlm_users import ConcurrentUser, install

install("concurrent_sessions", [ConcurrentUser])
