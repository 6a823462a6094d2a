"""Shared by the tests of the command line."""

import pytest
from click.testing import CliRunner

from fleetlm_users.cli.main import cli
from tests.cli.fake_api import FakeApi


@pytest.fixture
def api():
    """An empty fake FleetLM."""
    return FakeApi()


@pytest.fixture
def bench(monkeypatch):
    """Runs `fleetlm-bench` in process, without any option in the environment; the result has exit_code and output."""
    for name in ("API_URL", "WS_URL", "AGENT_URL", "AGENT_ID", "INSECURE", "LOCUST_HOST", "PRESETS_FILE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments, **more):
        return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="fleetlm-bench", **more)

    return run
