"""Somebody who keeps a chat open and writes now and then."""

from fleetlm_users.users.behaviours.mixed import TimetabledUser
from fleetlm_users.workload.timetables import LongLivedPace


class LongLivedUser(TimetabledUser):
    """Session, a message every 20–40 s, leave after 120 s, 1 s pause, again."""

    scenario = "long_lived"
    pace = LongLivedPace()
