"""REST appends and reads side by side: the latency of each, and whether accepted messages read back as sent.

locust --headless -f locustfiles/rest_read_write_mix.py --standin --standin-options "--protocol late"
locust --headless -f locustfiles/rest_read_write_mix.py -H http://fleetlm:4000          # 50 users, 1 KiB, 2 minutes
locust --headless -f locustfiles/rest_read_write_mix.py -u 200 --payload-size 256 -t 10m --processes 2
"""

from fleetlm_users import RestMixUser, install

install("rest_read_write_mix", [RestMixUser])
