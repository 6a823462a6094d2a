"""The behaviours: Locust User classes, and `install`, the one call of a locustfile."""

from fleetlm_users.users.base import FleetUser
from fleetlm_users.users.burst import BurstUser
from fleetlm_users.users.churn import ChurnUser
from fleetlm_users.users.install import install
from fleetlm_users.users.long_lived import LongLivedUser
from fleetlm_users.users.session import UserSession

__all__ = ["BurstUser", "ChurnUser", "FleetUser", "LongLivedUser", "UserSession", "install"]
