"""Messages: on each user's timetable, at a rate of all users together, or with a fixed number in flight.

locust --headless -f locustfiles/message_throughput.py --standin               # 10 users, a message per second each
locust --headless -f locustfiles/message_throughput.py --arrival-rate 200      # 200 messages/s in all, whatever comes
locust --headless -f locustfiles/message_throughput.py --pipeline-depth 5      # closed loop: what the server can take
"""

from fleetlm_users import ThroughputUser, install

install("message_throughput", [ThroughputUser])
