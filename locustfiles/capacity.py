"""The most sessions, or messages per second, within the thresholds: steps up until one is missed, then halves the gap.

locust --headless -f locustfiles/capacity.py --standin --hold 5s --settle 2s
locust --headless -f locustfiles/capacity.py -u 100 --most 20000 --processes 4 -H http://fleetlm:4000
locust --headless -f locustfiles/capacity.py --search messages -u 5 --threshold "append_latency_ms: p(99)<100"
"""

from fleetlm_users import CapacityUser, install, search_settings

install("capacity", [CapacityUser], search=search_settings)
