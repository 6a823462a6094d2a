"""An environment without options in it: the documentation is to be right on a fresh machine."""

import os

import pytest

from fleetlm_users.workload.options.model import COMMON
from tests.e2e.conftest import standin, standin_with  # noqa: F401  # fixtures for the runs


@pytest.fixture(autouse=True)
def fresh_environment(monkeypatch, tmp_path):
    """No option of ours or Locust's is set, and the current folder holds no locust.conf."""
    for name in (*(spec.env for spec in COMMON), *(key for key in os.environ if key.startswith("LOCUST_"))):
        if name != "LOCUST_SKIP_MONKEY_PATCH":
            monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
