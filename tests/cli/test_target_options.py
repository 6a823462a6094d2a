import click
import pytest

from fleetlm_users.cli.target_options import sources_of, target_options, targets_of
from fleetlm_users.client import Targets
from fleetlm_users.errors import UsageError

DEFAULT = Targets(
    "http://localhost:4000/api", "ws://localhost:4000/socket/websocket", "http://localhost:4001", "bench-echo-agent"
)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, DEFAULT),
        ({"host": "", "api_url": " "}, DEFAULT),
        (
            {"host": "https://f.example"},
            Targets("https://f.example/api", "wss://f.example/socket/websocket", DEFAULT.agent_url, DEFAULT.agent_id),
        ),
        (
            {"host": "https://f.example", "api_url": "http://other/api/", "insecure": True},
            Targets("http://other/api", "wss://f.example/socket/websocket", DEFAULT.agent_url, DEFAULT.agent_id, True),
        ),
    ],
)
def test_a_url_of_its_own_beats_the_host_and_the_host_the_default(given, expected):
    """It matches a benchmark's options."""
    assert targets_of(given) == expected


@pytest.mark.parametrize(
    "given", [{"host": "ftp://x"}, {"api_url": "x"}, {"ws_url": "http://x"}, {"agent_url": "ws://x"}]
)
def test_a_bad_url_is_a_usage_error(given):
    """Told with an example."""
    with pytest.raises(UsageError, match="for example"):
        targets_of(given)


def test_source_addresses_must_be_this_machines():
    """They are bound to; an address of nobody's is a mistake."""
    assert sources_of({"source_ips": "127.0.0.2-127.0.0.4"}) is not None
    with pytest.raises(UsageError, match="addresses of this machine"):
        sources_of({"source_ips": "192.0.2.1"})


def test_flags_and_variables_are_those_of_a_benchmark():
    """Every target option but --standin, and -H with Locust's own variable."""
    command = click.command()(target_options(lambda **_given: None))
    found = {option.opts[-1]: option.envvar for option in command.params}
    assert found == {
        "--host": "LOCUST_HOST",
        "--api-url": "API_URL",
        "--ws-url": "WS_URL",
        "--agent-url": "AGENT_URL",
        "--agent-id": "AGENT_ID",
        "--insecure": "INSECURE",
        "--protocol": "PROTOCOL",
        "--source-ips": "SOURCE_IPS",
    }
