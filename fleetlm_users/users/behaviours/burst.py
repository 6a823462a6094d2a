"""Somebody who writes without pause."""

from fleetlm_users.users.behaviours.mixed import TimetabledUser
from fleetlm_users.workload.timetables import BurstPace


class BurstUser(TimetabledUser):
    """Session, a message every 100–500 ms (drawn once per session), 60 s, 2 s pause, again."""

    scenario = "burst"
    pace = BurstPace()
