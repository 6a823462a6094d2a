"""The CI files keep the published schemas, and pass every input on as a variable, never into a script."""

import json
import subprocess
from importlib.resources import files

import pytest
import yaml
from jsonschema.validators import validator_for

from tests.ci.jobs import ACTION, KEEPS, ROOT, TEMPLATE

SCHEMAS = {
    "ci/github/action.yml": "github-actions",
    "ci/github/examples/nightly.yml": "github-workflows",
    "ci/github/examples/pull-request.yml": "github-workflows",
    "ci/gitlab/fleetlm-bench.yml": "gitlab-ci",
    "ci/gitlab/examples/.gitlab-ci.yml": "gitlab-ci",
}
RUN = (ROOT / "ci/run.sh").read_text()


@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items(), ids=list(SCHEMAS))
def test_a_file_keeps_its_schema(name, schema):
    """The schema is the one check-jsonschema carries, and the folder holds no other file."""
    document = yaml.safe_load((ROOT / name).read_text())
    document = {"on" if key is True else key: value for key, value in document.items()}  # YAML 1.1 reads `on` as true
    rules = json.loads(files("check_jsonschema").joinpath(f"builtin_schemas/vendor/{schema}.json").read_text())
    validator = validator_for(rules)(rules)
    errors = [error.message for error in validator.iter_errors(document)]
    assert errors == []
    present = {str(path.relative_to(ROOT)) for path in (ROOT / "ci").rglob("*.yml")}
    assert present == set(SCHEMAS)


def test_no_expression_stands_in_a_script():
    """A branch's name or an input would be run as shell."""
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), step


def test_what_is_kept_is_saved():
    """Saving has the same condition, which also holds on a schedule, whose payload names no repository."""
    text = (ROOT / "ci/github/action.yml").read_text()
    assert text.count(KEEPS) == 2
    assert "default_branch" not in text.replace(KEEPS, "")


def test_no_history_is_taken_for_another():
    """The newest key that begins like a restore key is fetched: `nightly` must not find those of `nightly-late`."""
    caches = [step["with"] for step in ACTION["runs"]["steps"] if step.get("uses", "").startswith("actions/cache/")]
    (begin,) = {cache["restore-keys"] for cache in caches if "restore-keys" in cache}
    (key,) = {cache["key"] for cache in caches}

    def of(text, history):
        return text.replace("${{ inputs.history }}", history)

    assert of(key, "nightly").startswith(of(begin, "nightly"))
    assert not of(key, "nightly-late").startswith(of(begin, "nightly"))


def test_every_variable_is_one_that_the_script_reads():
    """It holds for the action and the template, and every input is used."""
    step = next(step for step in ACTION["runs"]["steps"] if step.get("id") == "run")
    template = TEMPLATE[".fleetlm-bench"]["variables"]
    for name in {*step["env"], *template} - {"FLEETLM_LOCUST_URL", "FLEETLM_LOCUST_REF", "FLEETLM_CACHE_POLICY"}:
        assert f"${{{name}:-" in RUN, name
    text = (ROOT / "ci/github/action.yml").read_text()
    for name in ACTION["inputs"]:
        assert f"inputs.{name}" in text


def test_examples_set_inputs_and_variables_that_exist():
    """So does every output that they read."""
    for name in ("nightly", "pull-request"):
        workflow = yaml.safe_load((ROOT / f"ci/github/examples/{name}.yml").read_text())
        steps = [step for step in workflow["jobs"]["load"]["steps"] if "fleetlm-locust" in step.get("uses", "")]
        assert len(steps) == 1
        assert set(steps[0]["with"]) <= set(ACTION["inputs"])
    example = yaml.safe_load((ROOT / "ci/gitlab/examples/.gitlab-ci.yml").read_text())
    assert example["load"]["extends"] in TEMPLATE
    assert set(example["load"]["variables"]) <= set(TEMPLATE[".fleetlm-bench"]["variables"])


def test_the_page_shows_the_examples_and_names_every_input():
    """docs/ci.md, to the letter."""
    page = (ROOT / "docs/ci.md").read_text()
    for name in ("ci/github/examples/nightly.yml", "ci/gitlab/examples/.gitlab-ci.yml"):
        assert (ROOT / name).read_text() in page
    for name, spec in ACTION["inputs"].items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}` |"))
        assert not spec["default"] or f"`{spec['default']}`" in row


@pytest.mark.parametrize("name", ["run.sh", "install.sh"])
def test_the_scripts_are_bash(name):
    """Which only parses them here."""
    assert subprocess.run(["bash", "-n", ROOT / "ci" / name], check=False).returncode == 0
    assert (ROOT / "ci" / name).stat().st_mode & 0o111


def test_the_installation_takes_the_tested_versions(tmp_path):
    """They are those of the checkout that it is in, installed into an environment of their own."""
    stub = tmp_path / "python3"
    stub.write_text(
        '#!/bin/sh\nmkdir -p "$3/bin"\nfor name in python fleetlm-bench; do\n'
        f'  printf "#!/bin/sh\\necho \\$0 \\$@ >> {tmp_path}/calls\\n" > "$3/bin/$name"\n'
        '  chmod +x "$3/bin/$name"\ndone\n'
    )
    stub.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    done = subprocess.run(["bash", ROOT / "ci/install.sh", tmp_path / "venv"], env=environment, check=False)
    assert done.returncode == 0
    calls = (tmp_path / "calls").read_text()
    assert f"--constraint {ROOT}/constraints.txt {ROOT}[standin]" in calls
    assert subprocess.run(["bash", ROOT / "ci/install.sh"], capture_output=True, check=False).returncode != 0
