"""docker-compose.yml: the specification's schema, profiles, open ports, writable paths, and the commands."""

import json
from importlib.resources import files

import pytest
from jsonschema.validators import validator_for

from fleetlm_users.workload.options.model import COMMON
from tests.deploy import dockerfile
from tests.deploy.compose import Compose
from tests.deploy.ending import longest_end_s
from tests.docs.commands import Command, check

PROFILES = [(), ("fleetlm",), ("standin",), ("headless", "standin"), ("headless", "fleetlm")]
GIVEN = {
    "BENCHMARK": "session_lifecycle",
    "FLEETLM_IMAGE": "registry.example.org/fleetlm:1",
    "FLEETLM_URL": "https://staging.example.org",
    "LOAD_IMAGE": "registry.example.org/load:1",
    "POSTGRES_PASSWORD": "other",
    "PRESET": "default",
    "SECRET_KEY_BASE": "k" * 64,
    "WEB_PORT": "8090",
    "WORKERS": "7",
}
OURS = ("master", "headless", "worker", "echo-agent", "standin")
EVERYTHING = Compose(profiles=("fleetlm", "standin", "headless"))
SCHEMA = json.loads(files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text())
VALIDATOR = validator_for(SCHEMA)(SCHEMA)


@pytest.mark.parametrize("profiles", PROFILES, ids=lambda names: "+".join(names) or "none")
@pytest.mark.parametrize("variables", [{}, GIVEN], ids=["defaults", "given"])
def test_it_keeps_the_compose_specification(profiles, variables):
    """It holds for the services of each profile, with variables at their defaults and set."""
    compose = Compose(variables, profiles)
    document = {**compose.document, "services": compose.services}
    assert [error.message for error in VALIDATOR.iter_errors(document)] == []


def test_the_schema_would_find_a_mistake():
    """Else the test above says nothing."""
    assert not VALIDATOR.is_valid({"services": {"master": {"image": "x", "comand": []}}})


def test_variables_change_what_they_are_named_for():
    """Image, benchmark, workers, port and target."""
    given = Compose(GIVEN, ("fleetlm", "headless"))
    services = given.services
    assert services["fleetlm"]["image"] == GIVEN["FLEETLM_IMAGE"]
    assert services["worker"]["image"] == GIVEN["LOAD_IMAGE"]
    assert services["worker"]["scale"] == "7"
    assert services["headless"]["command"][-3] == "7"
    assert services["master"]["ports"] == ["127.0.0.1:8090:8089"]
    assert "locustfiles/session_lifecycle.py" in services["worker"]["command"]
    assert given.environment("master") == {
        "AGENT_URL": "http://echo-agent:4001",
        "LOCUST_HOST": "https://staging.example.org",
        "PRESET": "default",
    }


def test_fleetlm_is_built_from_the_commit_that_the_readme_names():
    """Or taken as an image."""
    fleetlm = EVERYTHING.services["fleetlm"]
    repository, _, commit = fleetlm["build"]["context"].partition("#")
    assert repository == "https://github.com/cpluss/fleetlm.git"
    assert len(commit) == len("13a55580dcbb587fdadf0dc03b2426df0535492d")
    assert f"commit {commit[:7]}" in (dockerfile.ROOT / "README.md").read_text(encoding="utf-8")
    assert fleetlm["image"].endswith(commit[:7])


@pytest.mark.parametrize(
    ("profiles", "targets"), [((), []), (("fleetlm",), ["fleetlm"]), (("standin",), ["standin"])], ids=str
)
def test_a_profile_brings_one_target_under_the_same_name(profiles, targets):
    """The load is sent to `target`, whichever that is."""
    services = Compose(profiles=profiles).services
    named = [name for name, each in services.items() if "target" in _aliases(each)]
    assert named == targets
    assert services.keys() >= {"master", "worker", "echo-agent"}


def test_services_wait_for_what_is_healthy():
    """Every awaited service exists, has a check if its health is required, and may be absent if optional."""
    services = EVERYTHING.services
    for name, service in services.items():
        for needed, how in service.get("depends_on", {}).items():
            assert needed in services, name
            if how["condition"] == "service_healthy":
                assert services[needed]["healthcheck"]["test"][0] == "CMD", needed
            assert how.get("required", True) != (needed in ("fleetlm", "standin")), name
        started_by_default = not service.get("profiles")
        needs = set(service.get("depends_on", {}))
        assert needs >= {"echo-agent", "fleetlm", "standin"} or not started_by_default or name == "echo-agent"


def test_nothing_but_the_web_ui_is_published_and_that_on_loopback():
    """No service opens a port to the network, or lives in the host's."""
    published = {name: each["ports"] for name, each in EVERYTHING.services.items() if "ports" in each}
    assert published == {"master": ["127.0.0.1:8089:8089"]}
    assert not [name for name, each in EVERYTHING.services.items() if {"network_mode", "privileged"} & each.keys()]


@pytest.mark.parametrize("name", EVERYTHING.services)
def test_a_container_is_not_root_and_cannot_become_it(name):
    """No capabilities, no new privileges, bounded processes and files."""
    service = EVERYTHING.services[name]
    assert all(int(number) > 0 for number in service["user"].split(":"))
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["ulimits"]["nofile"]["hard"] >= 65536
    assert service["pids_limit"]


@pytest.mark.parametrize("name", sorted(EVERYTHING.services.keys() - {"fleetlm"}))
def test_a_containers_root_is_read_only(name):
    """FleetLM's is the exception; the file states the reason."""
    service = EVERYTHING.services[name]
    assert service["read_only"] is True
    assert dockerfile.environment()["HOME"] in service["tmpfs"]


def test_our_services_run_the_image_as_its_user():
    """One image, built here; results go where that user may write."""
    user = dockerfile.of(dockerfile.stages()[-1], "USER")[-1][0]
    services = EVERYTHING.services
    assert {services[name]["image"] for name in OURS} == {"fleetlm-load:latest"}
    assert {services[name]["user"] for name in OURS} == {user}
    for name in ("master", "headless"):
        assert services[name]["volumes"] == [f"results:{dockerfile.environment()['RESULTS_DIR']}"]
    assert EVERYTHING.document["volumes"].keys() == {"results", "database"}


@pytest.mark.parametrize("variables", [{}, GIVEN], ids=["defaults", "given"])
@pytest.mark.parametrize("name", OURS)
def test_the_commands_are_taken_by_their_own_parsers(name, variables):
    """They get the environment of the container."""
    compose = Compose(variables, ("standin", "headless"))
    words = compose.argv(name, entrypoint=dockerfile.entrypoint())
    check(Command(f"docker-compose.yml: {name}", tuple(words), compose.environment(name)))


def test_variables_of_a_run_are_options():
    """A misspelt one would be ignored in silence."""
    known = {spec.env for spec in COMMON} | {"LOCUST_HOST"}
    assert EVERYTHING.document["x-run"].keys() <= known


def test_a_container_is_given_the_time_to_drain():
    """Docker kills after 10 s by default; a run's end may take the drain and the clean-up."""
    for name in ("master", "headless", "worker"):
        assert float(EVERYTHING.services[name]["stop_grace_period"].removesuffix("s")) > longest_end_s()


def test_headless_can_be_found_by_the_workers():
    """They look for `master`."""
    services = EVERYTHING.services
    assert "master" in _aliases(services["headless"])
    assert services["worker"]["command"][-2:] == ["--master-host", "master"]


def _aliases(service):
    return service.get("networks", {}).get("default", {}).get("aliases", [])
