"""Every source that can configure a run is heard, in a real process: files, user classes, load shapes, plugins."""

import pytest

from tests.e2e.harness import ROOT, Locust, targets

pytestmark = pytest.mark.e2e

MIXED = str(ROOT / "locustfiles" / "mixed.py")
QUICK = ["--time-scale", "0.2", "--warm-up", "0"]
SHAPE = '''
from locust import LoadTestShape

class Up(LoadTestShape):
    """9 users, then 18, then the end."""

    def tick(self):
        seconds = self.get_run_time()
        self.stage = "few" if seconds < 2 else "many"
        return (9, 9) if seconds < 2 else (18, 9) if seconds < 8 else None
'''
PLUGIN = """
from locust import events

@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument_group("theirs").add_argument("--time-scale", type=int, default=0)
"""


def saved(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def test_several_threshold_lines_of_a_file_are_all_judged(tmp_path, standin):
    """The one that cannot be kept fails the run, wherever it stands."""
    lines = ["append_latency_ms: p(95)<0.001", "agent_reply_rate: rate>0.1", "messages_lost: count<99"]
    conf = saved(tmp_path, "own.conf", "".join(f"threshold = {line}\n" for line in lines))
    arguments = [*targets(standin), *QUICK, "--config", conf, "-t", "3s", "BurstUser"]
    with Locust(tmp_path, *arguments, calmly=False) as locust:  # a variable would beat the file
        finished = locust.finish()
    judged = {threshold["expression"]: threshold["ok"] for threshold in finished.summary["thresholds"]}
    assert judged["append_latency_ms: p(95)<0.001"] is False
    assert set(lines) <= set(judged)
    assert finished.code == 3


def test_user_classes_on_the_command_line_are_the_plan(tmp_path, standin):
    """`-u 4 BurstUser` are four of them, and all of them run."""
    with Locust(tmp_path, *targets(standin), *QUICK, "-t", "6s", "-u", "4", "BurstUser") as locust:
        finished = locust.finish()
    assert finished.summary["plan"]["users"] == {"long_lived": 0, "burst": 4, "churn": 0, "inbox_watcher": 0}
    assert finished.summary["metrics"]["active_connections"]["peak"] == 4
    assert "planned" not in " ".join(finished.summary["verdict"]["doubts"])


@pytest.mark.parametrize("processes", [[], ["--processes", "2"]], ids=["standalone", "processes-2"])
def test_a_load_shape_is_the_plan(tmp_path, standin, processes):
    """Its users are spread as the preset's are, its end is the planned one, and the announcement tells it."""
    files = f"{MIXED},{saved(tmp_path, 'shape.py', SHAPE)}"
    of_many = ["--threshold", "messages_sent{stage:many}: count>0"]
    with Locust(tmp_path, *targets(standin), *QUICK, *processes, *of_many, locustfile=files) as locust:
        finished = locust.finish()
    assert "as many users as the load shape Up asks for" in finished.output
    assert "until the shape Up ends" in finished.output
    assert finished.summary["plan"]["shape"] == "Up"
    assert finished.accounting(scenario="burst")["sent"] > 0
    assert "inbox_watcher" not in finished.summary["accounting"]["all"]["scenarios"]
    assert not any("interrupted" in doubt or "ever ran" in doubt for doubt in finished.summary["verdict"]["doubts"])
    assert finished.summary["plan"]["edits"] == []
    stages = finished.summary["stages"]
    assert [(stage["name"], stage["users_before"], stage["users"]) for stage in stages] == [
        ("few", 0, 9),
        ("many", 9, 18),
    ]
    assert sum(stage["accounting"]["sent"] for stage in stages) == finished.accounting(phase="main")["sent"]
    assert all(stage["accounting"]["adds_up"] for stage in stages)
    (of_many,) = [one for one in finished.summary["thresholds"] if one["stage"] == "many"]
    assert of_many["measured"] == stages[1]["accounting"]["sent"]
    assert "Traceback" not in finished.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-u", "5"], "invalid value 5 for -u (LOCUST_USERS): expected no value with the LoadTestShape Up"),
        (["--duration", "5s"], "invalid value '5s' for --duration (DURATION)"),
        (["-t", "5s"], "-t (LOCUST_RUN_TIME)"),
    ],
)
def test_what_the_shape_decides_cannot_be_said_twice(tmp_path, words, said):
    """Before any user starts."""
    files = f"{MIXED},{saved(tmp_path, 'shape.py', SHAPE)}"
    with Locust(tmp_path, *words, locustfile=files) as locust:
        finished = locust.finish()
    assert finished.code == 2
    assert said in finished.output
    assert "Traceback" not in finished.output


@pytest.mark.parametrize("order", ["ours-first", "theirs-first"])
def test_an_option_of_a_plugin_that_is_ours_too_is_refused_in_a_sentence(tmp_path, order):
    """Whichever file is named first."""
    files = [MIXED, saved(tmp_path, "plugin.py", PLUGIN)]
    with Locust(tmp_path, locustfile=",".join(files if order == "ours-first" else files[::-1])) as locust:
        finished = locust.finish()
    assert finished.code == 2
    assert "invalid value '--time-scale' for --time-scale (TIME_SCALE)" in finished.output
    assert "Traceback" not in finished.output


@pytest.mark.parametrize("files", ["locustfiles/", "locustfiles/mixed.py,locustfiles/capacity.py"])
def test_two_benchmarks_are_refused_in_a_sentence(tmp_path, files):
    """Two of our files, or all of them."""
    with Locust(tmp_path, locustfile=files) as locust:
        finished = locust.finish()
    assert finished.code == 2
    assert "names two benchmarks" in finished.output
    assert "capacity" in finished.output
    assert "Traceback" not in finished.output
