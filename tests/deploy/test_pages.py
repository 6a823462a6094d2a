"""The commands of docs/docker.md and docs/kubernetes.md refer to things that exist in the files they describe."""

import re
from itertools import pairwise

import pytest

from fleetlm_users.workload.options.model import COMMON
from tests.deploy.compose import FILE, VARIABLE, Compose
from tests.deploy.kubernetes import FOLDER, FORMS, objects, of_kind
from tests.docs.commands import benchmark_of, commands_of
from tests.docs.pages import ROOT, code_of, page

DOCKER, KUBERNETES = page("docs/docker.md"), page("docs/kubernetes.md")
COMPOSE = [command for command in commands_of(DOCKER) if command.words[:2] == ("docker", "compose")]
KUBECTL = [command for command in commands_of(KUBERNETES) if command.program == "kubectl"]
EVERYTHING = Compose(profiles=("fleetlm", "standin", "headless"))
VARIABLES = {found["name"] for found in VARIABLE.finditer(FILE.read_text(encoding="utf-8")) if found["name"]}


def after(flag, words):
    """Return the words after each such flag."""
    return [following for word, following in pairwise(words) if word == flag]


@pytest.mark.parametrize("command", COMPOSE, ids=[command.text for command in COMPOSE])
def test_a_compose_command_names_what_the_file_has(command):
    """Profiles, services, and variables that are read."""
    words = command.words
    handed_on = {key for key, value in EVERYTHING.document["x-run"].items() if value is None}
    assert command.env.keys() <= VARIABLES | handed_on
    assert set(after("--profile", words)) <= {"fleetlm", "standin"}
    assert {scaled.split("=")[0] for scaled in after("--scale", words)} <= EVERYTHING.services.keys()
    if "run" in words:
        assert "headless" in words
        given = {name.split("=")[0] for name in after("-e", words)}
        benchmark = benchmark_of(f"locustfiles/{command.env.get('BENCHMARK', 'mixed')}.py")
        assert given <= {spec.env for spec in (*COMMON, *benchmark.options)}


def test_the_table_names_every_variable_and_its_default():
    """They match the file."""
    rows = {code_of(row["variable"]): row["default"].strip("`") for row in DOCKER.tables()[0]}
    assert rows.keys() == VARIABLES
    for found in VARIABLE.finditer(FILE.read_text(encoding="utf-8")):
        if found["name"] and found["name"] != "SECRET_KEY_BASE":
            assert rows[found["name"]] == found["default"]


def test_the_options_that_are_handed_on_are_named():
    """All of them, and the agent's."""
    named = {code for _, code in DOCKER.spans()}
    for name in ("master", "echo-agent"):
        assert EVERYTHING.services[name]["environment"].keys() <= named | {"LOCUST_HOST"}


@pytest.mark.parametrize("command", KUBECTL, ids=[command.text[:80] for command in KUBECTL])
def test_a_kubectl_command_names_what_is_applied(command):
    """Folders, files, and objects by kind and name."""
    words = command.words
    for path in (*after("-k", words), *after("-f", words)):
        assert (ROOT / path).exists()
    assert set(after("-n", words)) <= {"fleetlm-load"}
    known = {f"{each['kind'].lower()}/{each['metadata']['name']}" for form in FORMS for each in objects(FOLDER / form)}
    known |= {"pod/results-reader", "job/mixed-master"}  # the second is the operator's
    assert {word for word in words if re.fullmatch(r"[a-z]+/[a-z-]+", word)} <= known


def test_the_table_of_forms_is_complete():
    """Each has a row, and is a folder of deploy/kubernetes."""
    rows = [code_of(row["folder"]) for row in KUBERNETES.tables()[0]]
    assert rows == list(FORMS)


def test_the_table_of_who_reaches_whom_has_the_ports_of_the_policies():
    """No more and no less."""
    told = {row["port"] for row in KUBERNETES.tables()[1]} - {"nothing"}
    policies = of_kind(objects(FOLDER / "web"), "NetworkPolicy").values()
    rules = [rule for each in policies for way in ("ingress", "egress") for rule in each["spec"].get(way, ())]
    assert told == {str(port["port"]) for rule in rules for port in rule["ports"]}
