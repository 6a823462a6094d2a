"""A locustfile's one line: options and metrics of its behaviours come with them, and so may a preset."""

import importlib

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.options import presets_of, specs_of
from fleetlm_users.users import ConcurrentUser, LifecycleUser, OptionSpec, ThroughputUser, counter
from fleetlm_users.users import install as package_install
from fleetlm_users.users.install import install


@pytest.fixture
def installed(monkeypatch):
    """Installs without Locust and returns the benchmark that Locust would have been given."""
    given = []
    module = importlib.import_module("fleetlm_users.users.install")  # the package's `install` is the function
    monkeypatch.setattr(module, "install_benchmark", given.append)

    def make(*arguments, **keywords):
        install(*arguments, **keywords)
        return given[-1]

    return make


OWN = OptionSpec("smile", "--smile", "SMILE", "1", "how often", "whole", "1")


def names(items):
    return [item.name for item in items]


def test_behaviours_bring_their_options_and_metrics(installed):
    """The benchmark's own come after them; one of the same name counts once."""
    benchmark = installed(
        "message_throughput", [ThroughputUser, LifecycleUser], options=[OWN, OWN], metrics=[counter("smiles", "seen")]
    )
    assert isinstance(benchmark, Benchmark)
    assert names(benchmark.options) == [
        *names(ThroughputUser.options),
        *names(LifecycleUser.options),
        "smile",
    ]
    assert names(benchmark.metrics) == ["smiles"]
    assert {"arrival_rate", "iterations", "smile", "throughput_vus"} <= set(names(specs_of(benchmark)))


def test_a_benchmark_may_bring_its_preset(installed):
    """With the keys of presets.yaml; it is the first, so it runs when none is asked for."""
    benchmark = installed(
        "smiling",
        [ConcurrentUser],
        preset={"users": {"concurrent": 3}, "duration_s": 5, "thresholds": {"ws_join_ms": "p(95)<9"}},
    )
    presets = presets_of(benchmark)
    assert presets.default_name("smiling") == "default"
    assert presets.get("smiling", "default").thresholds == ("ws_join_ms: p(95)<9",)
    assert presets.default_name("mixed") == "light"


def test_a_preset_that_is_none_is_refused(installed):
    """As one in a file would be."""
    with pytest.raises(UsageError, match=r"install\(\).*smiling.default.users"):
        installed("smiling", [ConcurrentUser], preset={"users": {"concurrent": -3}, "duration_s": 5})


def test_the_package_exports_it():
    """One import for a locustfile."""
    assert package_install is install
