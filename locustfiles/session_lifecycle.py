"""Whole sessions: create, connect, join, ask and await, leave, delete; ends when all users are done.

locust --headless -f locustfiles/session_lifecycle.py --standin                # 10 users, 50 lives each
locust --headless -f locustfiles/session_lifecycle.py --iterations 200 --messages-per-session 5 --processes 2
"""

from fleetlm_users import LifecycleUser, install

install("session_lifecycle", [LifecycleUser])
