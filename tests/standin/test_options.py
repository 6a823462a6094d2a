"""The command line."""

import pytest

from fleetlm_users.standin.options import StandinOptions, parse


def test_defaults():
    """FleetLM's host and port, no fault, no quirk."""
    assert parse([]) == StandinOptions()
    assert (StandinOptions().host, StandinOptions().port, StandinOptions().limits.idle_s) == ("127.0.0.1", 4000, 120.0)


def test_flags_reach_their_groups():
    """Limits, caps and faults."""
    flags = "--port 0 --quirks --idle-timeout-s 0.5 --max-sessions 7 --broadcast-delay-ms 50 --no-agent --lose-every 3"
    options = parse(flags.split())
    assert (options.port, options.quirks, options.limits.idle_s, options.caps.max_sessions) == (0, True, 0.5, 7)
    faults = options.faults
    assert (faults.broadcast_delay_ms, faults.no_agent, faults.lose_every) == (50.0, True, 3)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--port abc", ["--port", "'abc'", "a whole number from 0 to 65535", "4000"]),
        ("--port 70000", ["'70000'", "65535"]),
        ("--broadcast-delay-ms -1", ["--broadcast-delay-ms", "'-1'", "a number of 0 or more"]),
        ("--stall-ms nan", ["'nan'", "a number of 0 or more"]),
        ("--lose-every 1.5", ["--lose-every", "'1.5'", "a whole number"]),
        ("--max-sessions 0", ["--max-sessions", "'0'", "from 1"]),
        ("--webhook-order bogus", ["--webhook-order", "'bogus'", "'node', 'session', 'none'"]),
        ("--like 0b7208e", ["--like", "'early', 'late'"]),
        ("--bogus", ["unrecognized arguments: --bogus"]),
        ("--quirk", ["unrecognized arguments"]),
    ],
)
def test_a_bad_flag_names_the_value_and_the_accepted_form(capsys, flags, words):
    """Exit code 2, one line."""
    with pytest.raises(SystemExit) as caught:
        parse(flags.split())
    said = capsys.readouterr().err.splitlines()[-1]
    assert caught.value.code == 2
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize(
    ("flags", "order", "service_ms"),
    [
        ("", "none", 0),
        ("--quirks", "node", 0),
        ("--quirks --webhook-order session", "session", 0),
        ("--like early", "node", 2.5),
        ("--like late", "session", 0),
        ("--webhook-service-ms 5 --like early", "node", 5),
        ("--like early --webhook-order none", "none", 2.5),
    ],
)
def test_the_order_of_webhooks(flags, order, service_ms):
    """`--like` and --quirks set it unless it is given."""
    options = parse(flags.split())
    assert (options.order, options.faults.webhook_service_ms) == (order, service_ms)
    assert options.quirks is ("quirks" in flags or "like" in flags)


def test_help_names_every_fault(capsys):
    """Each has its default."""
    with pytest.raises(SystemExit):
        parse(["--help"])
    assert "--lose-replay-every" in capsys.readouterr().out
