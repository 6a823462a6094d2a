"""`fleetlm-bench smoke`: which benchmarks run, and one exit code for all."""

import pytest

from fleetlm_users.cli.smoke import command
from fleetlm_users.cli.smoke.brief_run import SmokeResult


@pytest.fixture
def calls(monkeypatch, tmp_path):
    """Runs that end with the sign their locustfile holds; the list of what was run, with its arguments."""
    made = []

    def smoke(file, seconds, arguments, results):
        made.append((file.stem, seconds, list(arguments)))
        (results / "20261128T010203Z-run").mkdir(parents=True)
        if file.read_text() == "Ctrl-C":
            raise KeyboardInterrupt
        return SmokeResult(file.stem, file.read_text(), "words")

    monkeypatch.setattr(command, "smoke", smoke)
    for name, sign in (("mixed", "✓"), ("slow", "!"), ("broken", "✗"), ("durability", "✓"), ("_helper", "✗")):
        (tmp_path / f"{name}.py").write_text(sign, encoding="utf-8")
    return made


@pytest.mark.parametrize(("only", "code"), [(["mixed"], 0), (["mixed", "slow"], 4), (["broken", "slow"], 1), ([], 1)])
def test_one_exit_code_for_all(bench, calls, tmp_path, only, code):
    """1 when one does not work, 4 when one has to be looked at."""
    done = bench("smoke", "--folder", tmp_path, *(word for name in only for word in ("--only", name)), "--standin")
    assert done.exit_code == code, done.output
    assert [name for name, _, _ in calls] == sorted(only or ["mixed", "slow", "broken", "durability"])


def test_what_stops_a_server_must_be_asked_for(bench, calls, tmp_path):
    """Unless it is the stand-in; every other option is Locust's."""
    done = bench("smoke", "--folder", tmp_path, "--seconds", "2", "-H", "http://fleetlm:4000", "-u", "3")
    assert "durability: not run" in done.output
    assert calls[0] == ("broken", 2.0, ["-H", "http://fleetlm:4000", "-u", "3"])
    assert "durability" not in [name for name, _, _ in calls]
    bench("smoke", "--folder", tmp_path, "--only", "durability")
    assert calls[-1][0] == "durability"


@pytest.mark.parametrize("arguments", [("--only", "nothing"), ("--folder", "nowhere")])
def test_a_mistake_ends_with_2(bench, calls, tmp_path, arguments):
    """The error names the benchmarks that exist."""
    done = bench("smoke", *(("--folder", tmp_path) if "--folder" not in arguments else ()), *arguments)
    assert done.exit_code == 2
    assert calls == []


@pytest.mark.parametrize(("first", "code"), [("✓", 4), ("✗", 1)])
def test_ctrl_c_ends_it_and_names_what_was_not_run(bench, calls, tmp_path, first, code):
    """What was found until then is told, and what was measured is kept where that was asked for."""
    (tmp_path / "broken.py").write_text(first, encoding="utf-8")
    (tmp_path / "mixed.py").write_text("Ctrl-C", encoding="utf-8")
    kept = tmp_path / "new" / "kept"
    done = bench("smoke", "--folder", tmp_path, "--results-dir", kept)
    assert done.exit_code == code, done.output
    assert "mixed: interrupted; not run: slow" in " ".join(done.output.split())
    assert [name for name, _, _ in calls] == ["broken", "mixed"]
    assert [run.name for run in kept.iterdir()] == ["20261128T010203Z-run"]  # the same name twice: the second is told
    assert "is not kept" in done.output


def test_a_folder_that_cannot_be_made_is_refused_before_any_run(bench, calls, tmp_path):
    """With the reason."""
    done = bench("smoke", "--folder", tmp_path, "--results-dir", tmp_path / "mixed.py")
    assert done.exit_code == 2
    assert "for --results-dir: expected a folder for results (File exists)" in " ".join(done.output.split())
    assert calls == []
