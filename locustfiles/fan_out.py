"""Crowds: several devices per session; how soon the first, half and all of them have a message, and which missed it.

locust --headless -f locustfiles/fan_out.py --standin                     # 5 sessions, 10 listeners each
locust --headless -f locustfiles/fan_out.py --writers 3 --listeners 99 -u 1    # one session with 102 devices
"""

from fleetlm_users import FanOutUser, install

install("fan_out", [FanOutUser])
