"""All connections cut at one moment: how soon sessions are back, and whether replay delivers what they missed.

locust --headless -f locustfiles/reconnect_storm.py --standin                        # 200 sessions, all cut at once
locust --headless -f locustfiles/reconnect_storm.py --preset rolling -H http://localhost:4000  # a tenth every 20 s
locust --headless -f locustfiles/reconnect_storm.py --standin --cut server           # by a restart of the server
"""

from fleetlm_users import ReconnectStormUser, install, storm_crash, storm_plan

install("reconnect_storm", [ReconnectStormUser], crash=storm_crash, storm=storm_plan)
