"""The oldest benchmark: one session per user, a message every 5 s; measures only joins and appends.

locust --headless -f locustfiles/ws_hot_path.py --standin
locust --headless -f locustfiles/ws_hot_path.py -u 500 --send-interval 1000
"""

from fleetlm_users import HotPathUser, install

install("ws_hot_path", [HotPathUser])
