"""Somebody who writes without pause."""

from fleetlm_users.users.timetabled import TimetabledUser
from fleetlm_users.workload.behaviours import BurstPace


class BurstUser(TimetabledUser):
    """Session, a message every 100–500 ms (drawn once per session), 60 s, 2 s pause, again."""

    scenario = "burst"
    pace = BurstPace()
