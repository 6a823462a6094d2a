"""The differences between the protocols, as in the wire records."""

import pytest

from fleetlm_users.protocol.profile import EARLY, LATE, PROFILES, profile_of


def test_a_session_is_created_with_each_protocols_own_keys():
    """The other one's are refused by the server."""
    assert EARLY.session_body("u", "a", {"k": 1}) == {"sender_id": "u", "recipient_id": "a", "metadata": {"k": 1}}
    assert LATE.session_body("u", "a", {}) == {"user_id": "u", "agent_id": "a", "metadata": {}}


@pytest.mark.parametrize(
    ("profile", "last_seq", "payload"), [(EARLY, 9, {}), (LATE, 0, {}), (LATE, 9, {"last_seq": 9})]
)
def test_only_a_late_client_resumes(profile, last_seq, payload):
    """The early one is sent the oldest hundred messages each time."""
    assert profile.join_payload(last_seq) == payload


def test_each_profile_is_found_by_its_name():
    """`auto` is not a protocol: it stands for whichever one the server is found to speak."""
    assert {name: profile.name for name, profile in PROFILES.items()} == {"early": "early", "late": "late"}
    assert profile_of("late") is LATE
    assert profile_of("auto") is EARLY
