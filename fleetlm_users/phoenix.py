"""Load tests of any Phoenix application: `from fleetlm_users.phoenix import PhoenixUser` (docs/phoenix.md).

Options, thresholds, verdict, reports, web UI and workers are the same as for all benchmarks; FleetLM is not needed.
"""

from fleetlm_users.errors import ConnectFailed, Disconnected, JoinRefused, PushRefused, ReplyTimeout, RunEnded
from fleetlm_users.protocol.presence import Presence
from fleetlm_users.users.phoenix.channel import Channel
from fleetlm_users.users.phoenix.connection import PhoenixConnection
from fleetlm_users.users.phoenix.user import PhoenixUser
from fleetlm_users.users.phoenix.waits import Event, Expectation, Push

__all__ = [
    "Channel",
    "ConnectFailed",
    "Disconnected",
    "Event",
    "Expectation",
    "JoinRefused",
    "PhoenixConnection",
    "PhoenixUser",
    "Presence",
    "Push",
    "PushRefused",
    "ReplyTimeout",
    "RunEnded",
]
