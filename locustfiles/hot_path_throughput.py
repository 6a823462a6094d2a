"""Acknowledgements: how many per second, and how soon, with a fixed number of sends in flight per user.

locust --headless -f locustfiles/hot_path_throughput.py --standin --standin-options "--protocol late"
locust --headless -f locustfiles/hot_path_throughput.py -H http://fleetlm:4000       # 20 users, 2 minutes 20 seconds
locust --headless -f locustfiles/hot_path_throughput.py --max-vus 100 --pipeline-depth 1 --steady-duration 5m
"""

from fleetlm_users import PipelineUser, install

install("hot_path_throughput", [PipelineUser])
