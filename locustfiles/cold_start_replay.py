"""Whole backlogs read during writes: how fast, over REST and by join, and whether each replay is complete.

locust --headless -f locustfiles/cold_start_replay.py --standin --standin-options "--protocol late"
locust --headless -f locustfiles/cold_start_replay.py -H http://fleetlm:4000       # 5 sessions of 1,000 messages
locust --headless -f locustfiles/cold_start_replay.py --backlog-sessions 50 --backlog-size 5000 --backlog-duration 5m
"""

from fleetlm_users import ColdStartUser, install

install("cold_start_replay", [ColdStartUser])
