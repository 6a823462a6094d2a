"""Detect which chat protocol a FleetLM speaks, without side effects.

A session without a participant is refused by each version in its own way (wire records: "sessions create, `{}` body"),
and an agent's record tells the last two apart.
"""

import re
from typing import Any, Final

import msgspec

from fleetlm_users.client.http.fleetlm_api import RestApi
from fleetlm_users.errors import RestFailed
from fleetlm_users.foreign_text import words
from fleetlm_users.protocol.profile import EARLY, LATE, PROFILES, Profile

AUTO: Final = "auto"
ASKED: Final = "/sessions"
EARLY_STATUS: Final = 400
LATER_STATUS: Final = 422
LATER_WORDS: Final = "user_id and agent_id are required"
EARLIER_HISTORY: Final = "message_history_mode"
LATER_HISTORY: Final = "context"
MID: Final = (
    "it is one of the versions of 2025-10-13 to 10-18, whose protocol this tool does not speak; "
    "test one of 2025-10-02 (13a5558), or of 2025-10-24 or 25 (390d98c to 0b7208e)"
)
DEBUG_PAGE: Final = re.compile(r"# Phoenix\.\w+ at POST \S*/sessions\b")
"""The beginning of Phoenix's error page in development (Plug.Debugger, debugger.md.eex): `mix phx.server` has
`debug_errors: true` in FleetLM's config/dev.exs, so no JSON comes.
"""


class Detected(msgspec.Struct, frozen=True):
    """The server's protocol: a profile, or None and what was seen instead."""

    profile: Profile | None
    seen: str


def detect(api: RestApi, requested: str = AUTO) -> Detected:
    """Ask which protocol the server speaks, without creating or changing anything. Never raise a RestFailed.

    A server that speaks both, as a stand-in can, counts as speaking the `requested` one, or else the late one.
    """
    detected = _detect(api)
    if requested == EARLY.name and detected.profile is LATE and _knows_early_keys(api):
        return Detected(EARLY, detected.seen)
    return detected


def _knows_early_keys(api: RestApi) -> bool:
    """Return whether an early-protocol request for a session of nobody is refused for that, and not for its keys."""
    nobody = dict.fromkeys((EARLY.user_key, EARLY.agent_key))
    try:
        body = api.call("POST", ASKED, body=nobody, expected=(LATER_STATUS,)).body
    except RestFailed:
        return False
    return isinstance(body, dict) and body.get("error") != LATER_WORDS


def _detect(api: RestApi) -> Detected:
    try:
        answered = api.call("POST", ASKED, body={}, expected=(EARLY_STATUS, LATER_STATUS))
    except RestFailed as failed:
        is_early = failed.status == EARLY_STATUS and DEBUG_PAGE.search(failed.detail) is not None
        return Detected(EARLY if is_early else None, f"{failed.status or failed.kind}: {failed.detail}")
    body = answered.body if isinstance(answered.body, dict) else {}
    seen = f"{answered.status} with {'no body' if answered.body is None else words(answered.body)}"
    if answered.status == EARLY_STATUS:
        errors = body.get("errors")
        return Detected(EARLY if isinstance(errors, dict) and "detail" in errors else None, seen)
    return Detected(LATE if body.get("error") == LATER_WORDS else None, seen)


def is_of_mid_version(body: Any, detected: Detected) -> bool:
    """Return whether an agent's record is of a version that asks like a late one but stores agents like an early one.

    Args:
        body: The body of an answer with an agent.
        detected: The detected protocol.
    """
    agent = body.get("agent") if isinstance(body, dict) else None
    is_earlier = isinstance(agent, dict) and EARLIER_HISTORY in agent and LATER_HISTORY not in agent
    return detected.profile is LATE and is_earlier


def chosen_profile(requested: str, detected: Detected) -> tuple[Profile | None, str]:
    """Return the profile to speak, or None and the reason.

    Args:
        requested: The value of --protocol: auto, or the name of a profile.
        detected: The detected protocol.
    """
    if requested == AUTO:
        if detected.profile is not None:
            return detected.profile, ""
        return None, (
            f"it speaks neither protocol that this tool knows: an empty POST /sessions was answered {detected.seen}; "
            "set --protocol early or --protocol late if you know that it speaks one of them"
        )
    profile = PROFILES[requested]
    if detected.profile not in (None, profile):
        assert detected.profile is not None  # for mypy
        other = detected.profile.name
        return None, f"it speaks the {other} protocol, but --protocol {requested} was given; set --protocol {other}"
    return profile, ""
