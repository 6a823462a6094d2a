"""The dashboard asks only for what a run exposes, and can be imported anywhere."""

import json
import re

import pytest
import yaml

from tests.docs.pages import ROOT
from tests.exposed import exposed_names

FOLDER = ROOT / "deploy/grafana"
DASHBOARD = json.loads((FOLDER / "fleetlm.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
NAME = re.compile(r"\bfleetlm_\w+")
VARIABLE = re.compile(r"\$\{?(\w+)\}?")


def expressions():
    """Every PromQL expression, with where it stands."""
    for panel in PANELS:
        for target in panel["targets"]:
            yield pytest.param(target["expr"], id=f"{panel['title']} {target['refId']}")
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield pytest.param(variable["query"]["query"], id=variable["name"])


@pytest.mark.parametrize("expression", list(expressions()))
def test_an_expression_asks_for_what_is_exposed(expression):
    """Each names at least one metric, and each of these is in the endpoint's own output."""
    asked = set(NAME.findall(expression))
    assert asked
    assert asked <= exposed_names()


def test_every_variable_that_is_used_is_defined():
    """Grafana's own begin with two underscores."""
    defined = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = {name for name in VARIABLE.findall(json.dumps(DASHBOARD)) if not name.startswith("__")}
    assert used == defined == {"datasource", "job", "scenario", "phase"}


def test_the_dashboard_belongs_to_no_installation():
    """No id, and no data source but the one that is chosen at the top."""
    assert DASHBOARD["id"] is None
    assert DASHBOARD["uid"] is None
    assert DASHBOARD["schemaVersion"] >= 39
    sources = [panel["datasource"] for panel in PANELS]
    sources += [target["datasource"] for panel in PANELS for target in panel["targets"]]
    sources += [each["datasource"] for each in DASHBOARD["templating"]["list"] if each["type"] == "query"]
    assert {source["uid"] for source in sources} == {"${datasource}"}


def test_panels_lie_side_by_side():
    """Within 24 columns, none over another, each with a number and a title of its own."""
    taken = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + column, at["y"] + line) for column in range(at["w"]) for line in range(at["h"])}
        assert at["x"] + at["w"] <= 24
        assert not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_what_is_exposed_is_shown():
    """Thresholds, verdict, progress and the generator's health in any case."""
    shown = set(NAME.findall(json.dumps(DASHBOARD)))
    of_the_run = ("fleetlm_run_", "fleetlm_threshold_", "fleetlm_worker_")
    exposed = {name for name in exposed_names() if name.startswith(of_the_run)}
    assert exposed - shown == {"fleetlm_worker_cpu_samples_total", "fleetlm_worker_cpu_starved_total"}


def test_prometheus_knows_where_the_numbers_are():
    """The page of the web UI, and any path of the port for headless runs, as docs/monitoring.md has them."""
    jobs = {job["job_name"]: job for job in yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]}
    assert jobs["fleetlm-locust"]["metrics_path"] == "/fleetlm/metrics"
    assert jobs["fleetlm-locust"]["static_configs"] == [{"targets": ["127.0.0.1:8089"]}]
    assert jobs["fleetlm-locust-headless"]["static_configs"] == [{"targets": ["127.0.0.1:9646"]}]
