"""Every message exactly once, in order, answered, and the same when read again; names each one that is not.

locust --headless -f locustfiles/message_correctness.py --standin              # 5 users, 10 rounds of 10 messages each
locust --headless -f locustfiles/message_correctness.py --messages 50 --pipeline-depth 5 --iterations 100
"""

from fleetlm_users import CorrectnessUser, install

install("message_correctness", [CorrectnessUser])
