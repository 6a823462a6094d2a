"""A locustfile's one line: options and metrics of its behaviours come with them, and so may a preset."""

import importlib
from dataclasses import replace

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.phoenix import PhoenixUser
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.options.parser import presets_of, specs_of
from fleetlm_users.users import ConcurrentUser, LifecycleUser, ThroughputUser, counter, option
from fleetlm_users.users import install as package_install
from fleetlm_users.users.behaviours.capacity import CapacityUser
from fleetlm_users.users.behaviours.pipeline import PipelineUser
from fleetlm_users.users.behaviours.rest_mix import RestMixUser
from fleetlm_users.users.install import install
from tests.swarm.samples import options


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


OWN = option("smile", default=1, help="how often")


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
    """It has the keys of presets.yaml; it is the first, so it is the default."""
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
    """A file's preset is refused alike."""
    with pytest.raises(UsageError, match=r"install\(\).*smiling.default.users"):
        installed("smiling", [ConcurrentUser], preset={"users": {"concurrent": -3}, "duration_s": 5})


def test_the_package_exports_it():
    """One import for a locustfile."""
    assert package_install is install


def test_cas_that_cannot_be_read_are_refused_on_the_head_and_where_users_live(installed, monkeypatch, tmp_path):
    """A worker's machine has an environment of its own; a target without TLS asks for no CAs."""
    benchmark = installed("message_throughput", [ThroughputUser])
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    plain, secure = (options(api_url=f"{scheme}://fleet.test/api") for scheme in ("http", "https"))
    benchmark.validate(plain)
    benchmark.check_host(plain, False)
    for check in (benchmark.validate, lambda asked: benchmark.check_host(asked, False)):
        with pytest.raises(UsageError, match="SSL_CERT_FILE"):
            check(secure)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"standin_like": "early"}, "together with --standin"),
        ({"standin_options": "--quirks"}, "together with --standin"),
        ({"standin": "1", "standin_options": "--bogus"}, "unrecognized arguments: --bogus"),
    ],
)
def test_options_for_the_stand_in_are_checked_before_it_is_started(installed, given, words):
    """Without a stand-in, they would be ignored."""
    benchmark = installed("message_throughput", [ThroughputUser])
    with pytest.raises(UsageError, match=words):
        benchmark.validate(options(**given))
    benchmark.validate(options(standin="1", standin_like="late", standin_options="--quirks"))


class ChatUser(PhoenixUser):
    scenario = "chat"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"protocol": "late"}, "invalid value 'late' for --protocol"),
        ({"standin": "1"}, "invalid value 'on' for --standin"),
        ({"cleanup": "1"}, "invalid value 'on' for --cleanup"),
        ({"traceparent": "1"}, "invalid value 'on' for --traceparent"),
        ({"audit": "replay"}, "invalid value 'replay' for --audit"),
    ],
)
def test_what_only_a_fleetlm_has_is_refused_for_other_servers(installed, given, told):
    """It would have no effect, or stand in the report without a meaning."""
    benchmark = installed("chat", [ChatUser], preset={"users": {"chat": 1}, "duration_s": 5})

    def asked(**raw):
        plain = options(**raw)
        return replace(plain, plan=replace(plain.plan, users={"chat": 1}))

    benchmark.validate(asked())
    with pytest.raises(UsageError, match=f"{told}: expected nothing in a run whose users need no FleetLM"):
        benchmark.validate(asked(**given))


class Derived(CapacityUser):
    scenario = "derived"


@pytest.mark.parametrize("behaviours", [[ChatUser], [ThroughputUser], [CapacityUser, ThroughputUser]], ids=str)
def test_a_search_by_users_that_do_not_follow_it_is_refused(installed, behaviours):
    """They would go on while the server is to recover."""
    plan = {"users": {behaviours[0].scenario: 1}, "duration_s": None}
    benchmark = installed("how_many", behaviours, search=lambda _: None, preset=plan)
    with pytest.raises(UsageError, match=r"a capacity search.*one behaviour derived from CapacityUser"):
        benchmark.validate(options())


def test_a_search_by_users_of_a_derived_kind_is_accepted(installed):
    """They let messages out as CapacityUser does."""
    asked = []
    plan = {"users": {"derived": 1}, "duration_s": None}
    installed("how_many", [Derived], search=asked.append, preset=plan).validate(options())
    assert len(asked) == 1


def test_the_servers_metrics_are_read_by_the_rules_of_the_load(installed):
    """Its time limit applies."""
    page = installed("message_throughput", [ThroughputUser]).metrics_page(
        "https://fleet.test/metrics", options(connect_timeout="7s")
    )
    assert page.timeout_s == 7.0
    page.close()


@pytest.mark.parametrize(("protocol", "is_refused"), [("auto", False), ("late", False), ("early", True)])
def test_a_protocol_that_cannot_do_what_a_behaviour_needs_is_refused(installed, protocol, is_refused):
    """The error names it, and one that can; until the server has been asked, nothing is refused."""
    benchmark = installed("rest_read_write_mix", [RestMixUser])
    given = options(protocol=protocol)
    given = replace(given, plan=replace(given.plan, users={"rest_mix": 1}))
    if is_refused:
        with pytest.raises(UsageError, match=r"can be read over REST.*--protocol late"):
            benchmark.check_protocol(given)
    else:
        benchmark.check_protocol(given)


@pytest.mark.parametrize(("protocol", "expected"), [("auto", 0), ("late", 0), ("early", 1)])
def test_what_a_protocol_lacks_is_said(installed, protocol, expected):
    """It is for a behaviour that works without it."""
    benchmark = installed("hot_path_throughput", [PipelineUser])
    given = options(protocol=protocol)
    remarks = benchmark.remarks(replace(given, plan=replace(given.plan, users={"pipeline": 1})))
    assert len(remarks) == expected
    assert all("own broadcast is the acknowledgement" in remark for remark in remarks)
