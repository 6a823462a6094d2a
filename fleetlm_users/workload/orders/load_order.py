"""What a coordinator has ordered in a run so far, whole: each order holds all before it, so none can be missed."""

from typing import NamedTuple

from fleetlm_users.workload.orders.load_clock import SpeedChange
from fleetlm_users.workload.stages.begun import StageChange


class LoadOrder(NamedTuple):
    """How fast timetables run, and which stage of a load shape it is, from which moments of the run on."""

    speeds: tuple[SpeedChange, ...] = ()
    stages: tuple[StageChange, ...] = ()


NO_ORDER = LoadOrder()
