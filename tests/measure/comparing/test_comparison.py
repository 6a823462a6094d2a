import copy

import pytest

from fleetlm_users.cli.compare import markdown as compare_markdown
from fleetlm_users.cli.compare import text as compare_text
from fleetlm_users.measure.comparing.comparison import compare, differing_options, label, obstacles
from fleetlm_users.measure.comparing.figures import Figure
from fleetlm_users.measure.comparing.rows import Tolerances
from fleetlm_users.measure.report.terminal_style import Style
from tests.cli.summaries import counter, rate, run_file, summary, threshold, with_trend

EVEN = [50 + index / 100 for index in range(2000)]


def compared(before, after, **more):
    noise = [run_file(item, f"N{index}") for index, item in enumerate(more.pop("noise", ()))]
    return compare(run_file(before), run_file(after, "B"), Tolerances(), noise=noise, **more)


def scaled(factor, **more):
    return with_trend([value * factor for value in EVEN], **more)


@pytest.mark.parametrize(
    ("after", "code", "words"),
    [
        (scaled(1.0), 0, ()),
        (scaled(1.2), 3, ("append_latency_ms p(95) is worse",)),
        (scaled(0.5), 0, ()),
        (scaled(10.0, verdict="fail"), 3, ("append_latency_ms: p(95)<500 was kept and is missed",
                                           "append_latency_ms p(95) is worse")),
        (scaled(1.2, verdict="inconclusive"), 4, ("append_latency_ms p(95) is worse",)),
        (scaled(1.0, options={"benchmark": "other"}), 4, ()),
    ],
)  # fmt: skip
def test_exit_codes(after, code, words):
    """0 no regression, 3 regression, 4 not comparable; a regression is reported even if it does not decide."""
    found = compared(scaled(1.0), after)
    assert found.exit_code == code
    assert found.regressions == words


@pytest.mark.parametrize(("factor", "code"), [(13.0, 4), (1.0, 0), (0.1, 0)])
def test_a_judged_figure_that_looks_worse_on_too_few_samples_is_inconclusive(factor, code):
    """70 samples do not bound a p95 at 99 %: 13 times slower is no claim, and no green light either."""
    samples = [1.0 + index / 70 for index in range(70)]
    found = compared(with_trend(samples), with_trend([value * factor for value in samples]))
    assert found.exit_code == code
    assert bool(found.undecided) == (code == 4)
    assert "inconclusive" in compare_markdown.render(found) or code == 0


def test_what_the_lateness_of_the_generator_explains_is_no_regression():
    """B failed for another reason; its latency is worse because its generator was late, which is reported."""
    after = scaled(20.0, verdict="fail")
    after["thresholds"][0] |= {"late": True, "undecided": True}
    found = compared(scaled(1.0), after)
    assert (found.regressions, found.exit_code) == ((), 4)
    assert found.undecided == ("append_latency_ms p(95) is worse, which the lateness of B's generator alone explains",)


def test_a_metric_without_a_threshold_never_decides():
    """It is shown as worse, and that is all."""
    before, after = scaled(1.0), scaled(2.0)
    before["thresholds"], after["thresholds"] = [], []
    found = compared(before, after)
    assert found.exit_code == 0
    assert [row.change for row in found.rows] == ["worse"] * 3


def test_a_noise_run_must_be_comparable_with_a():
    """One of another benchmark is an obstacle."""
    found = compared(scaled(1.0), scaled(1.2), noise=[scaled(1.3)])
    assert found.exit_code == 0
    found = compared(scaled(1.0), scaled(1.2), noise=[scaled(1.3, options={"benchmark": "other"})])
    assert found.exit_code == 4
    assert found.obstacles == ("noise run r1: different benchmarks: mixed and other",)


def test_cautions_name_what_the_answer_leaves_out():
    """Failures of the runs themselves, other machines, a late generator, too few samples to rule anything out."""
    before = with_trend([1.0, 2.0, 3.0, 9.0] * 6, verdict="fail", doubts=["a doubt"])
    after = with_trend([1.0, 2.0, 3.0, 9.0] * 6)
    after["host"]["hostname"] = "other"
    for side, factor in ((before, 1.0), (after, 3.0)):
        late = with_trend([value * factor for value in EVEN], name="generator_lateness_ms")
        side["metrics"].update(late["metrics"])
        side["distributions"].update(late["distributions"])
    told = "\n".join(compared(before, after).cautions)
    for words in ("run A failed its own thresholds", "run A: a doubt", "different machines (host.hostname)",
                  "generator itself sent later in B", "append_latency_ms p(95): "):  # fmt: skip
        assert words in told


def test_a_small_rate_is_not_ruled_out():
    """Twenty of twenty may hide a loss of many points."""
    name = "message_success_rate"
    runs = [
        summary({name: rate(20, 20)}, [threshold(f"{name}: rate>0.9", 1.0, True, unit="fraction")]) for _ in range(2)
    ]
    assert "percentage points worse cannot be ruled out" in "\n".join(compared(*runs).cautions)


def test_a_figure_is_labelled_as_thresholds_write_it():
    """The scenario is included if there is one."""
    assert label(Figure("m", None, "p(95)")) == "m p(95)"
    assert label(Figure("m", "burst", "rate")) == "m{scenario:burst} rate"


def everything():
    """Two runs with every kind of metric, and a threshold gone, new, changed."""
    sides = []
    for factor, extra in ((1.0, "messages_lost: count<5"), (1.3, "messages_lost: count<9")):
        side = scaled(factor)
        side["metrics"] |= {"messages_lost": counter(2), "seq_gaps": counter(0), "messages_sent": counter(2000),
                            "message_success_rate": rate(2000, 2002)}  # fmt: skip
        side["thresholds"].append(threshold(extra, 2, True, unit="count"))
        sides.append(side)
    sides[0]["options"]["message_bytes"], sides[1]["options"]["message_bytes"] = 64, 128
    return compared(*sides)


def test_the_text_fits_a_terminal_of_80_columns():
    """It holds the answer, the thresholds with their changes, the figures, and the settings."""
    text = compare_text.render(everything(), Style(width=80))
    assert max(map(len, text.splitlines())) <= 80
    for words in ("✓ ✓ append_latency_ms: p(95)<500", "(was count<5)", "+30.0 %", "0 in both: seq_gaps",
                  "message_bytes: 64 → 128", "NOT COMPARABLE  (exit code 4)", "? the load differs"):  # fmt: skip
        assert words in text, text
    assert "\x1b" not in text
    assert "\x1b[" in compare_text.render(everything(), Style(width=80, colour=True))


def test_the_markdown_is_a_comment():
    """The answer is its heading, and every table is one."""
    text = compare_markdown.render(everything())
    assert text.startswith("### ? mixed: not comparable\n")
    assert "| `append_latency_ms: p(95)<500` | ✓ 68.99 ms | ✓ 89.69 ms |  |" in text
    assert "**worse**" in text
    assert "<summary>Set up differently</summary>" in text
    widths = {line.count("|") for line in text.splitlines() if line.startswith(("| append", "|  | A"))}
    assert widths == {9}


def test_runs_without_thresholds_are_rendered_too():
    """Nothing is judged, and said so."""
    found = compared(summary(), summary(options={"run_id": "r2"}))
    assert "neither run has one" in compare_text.render(found, Style())
    assert compare_markdown.render(found).startswith("### ✓ mixed: no regression shown")


def test_alike_runs_have_no_obstacle_and_no_difference():
    """Run ids and seeds are different in every run and say nothing."""
    after = summary(options={"run_id": "r2", "seed": 5, "results_dir": "/elsewhere"})
    assert list(obstacles(run_file(summary()), run_file(after, "B"), any_load=False)) == []
    assert list(differing_options(summary(), after)) == []


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (summary(options={"benchmark": "ws_hot_path"}), "different benchmarks: mixed and ws_hot_path"),
        (summary(options={"protocol": "late"}), "the load differs: protocol early and late; --any-load"),
        (summary(verdict="inconclusive", doubts=["the run was interrupted"]), "run B is inconclusive: the run was int"),
        (summary(plan={"users": {"burst": 6}}), "the load differs: users 5 burst and 6 burst"),
        (summary(options={"message_bytes": 1024}), "the load differs: message_bytes"),
        (summary(options={"extra": {"send_interval": 5}}), "the load differs: send_interval"),
    ],
)
def test_what_cannot_be_compared_says_why(after, words):
    """Each obstacle in words."""
    before = summary(options={"message_bytes": 64, "protocol": "early", "extra": {"send_interval": 1}})
    after["options"] = {"message_bytes": 64, "protocol": "early", **after["options"]}
    after["options"]["extra"] = {"send_interval": 1, **after["options"]["extra"]}
    found = list(obstacles(run_file(before), run_file(after, "B"), any_load=False))
    assert len(found) == 1
    assert words in found[0]


def test_a_run_is_not_compared_with_itself():
    """The same folder twice is a slip."""
    assert list(obstacles(run_file(summary()), run_file(summary()), any_load=False)) == ["A and B are the same run"]


def test_options_that_one_version_does_not_know_are_no_other_load():
    """They are shown as different, and that is all."""
    after = summary(options={"message_bytes": 64, "extra": {"send_interval": 1}})
    assert list(obstacles(run_file(summary()), run_file(after, "B"), any_load=False)) == []
    assert [item.name for item in differing_options(summary(), after)] == ["message_bytes", "send_interval"]


def test_any_load_lets_unequal_loads_through():
    """But nothing else."""
    after = run_file(summary(plan={"users": {"burst": 6}}, verdict="inconclusive"), "B")
    assert list(obstacles(run_file(summary()), after, any_load=True)) == ["run B is inconclusive: a reason"]


def test_load_is_reported_first_and_machines_and_versions_too():
    """Everything that differs, whatever it is."""
    after = copy.deepcopy(summary(plan={"duration_s": 5.0, "users": {}}, options={"reply_timeout_s": 5}))
    after["versions"]["python"] = "3.12"
    after["host"]["hostname"] = "other"
    after["workers"] = []
    names = [item.name for item in differing_options(summary(), after)]
    assert names == ["users", "duration_s", "reply_timeout_s", "host.hostname", "versions.python", "workers"]


def test_ports_of_two_standins_are_no_difference():
    """They are free ports, different in every run; without --standin, a different port is a different server."""
    one, other = ({"standin": True, "api_url": f"http://127.0.0.1:{port}/api"} for port in (1, 2))
    assert list(differing_options(summary(options=one), summary(options=other))) == []
    one, other = ({**side, "standin": False} for side in (one, other))
    assert [item.name for item in differing_options(summary(options=one), summary(options=other))] == ["api_url"]


def searched(kept, missed, unit="messages/s"):
    """A run that was a search."""
    found = {"unit": unit, "per_user": 10.0, "kept": kept, "missed": missed, "words": f"{kept} users kept"}
    return scaled(1.0) | {"capacity": found}


@pytest.mark.parametrize(
    ("before", "after", "regressions"),
    [
        (
            searched(40, 42),
            searched(36, 38),
            ("capacity is worse: 400 messages/s were kept in A, and 380 were not in B",),
        ),
        (
            searched(40, 42),
            searched(38, 40),
            ("capacity is worse: 400 messages/s were kept in A, and 400 were not in B",),
        ),
        (searched(40, 42), searched(39, 41), ()),
        (searched(40, 42), searched(45, None), ()),
        (searched(40, 42), searched(4, 5, unit="sessions"), ()),
        (searched(40, 42), scaled(1.0), ()),
    ],
)
def test_a_load_that_a_kept_and_b_did_not_is_a_regression(before, after, regressions):
    """Where the gaps between kept and missed overlap, nothing is said."""
    assert compared(before, after).regressions == regressions


def test_what_each_search_found_is_shown():
    """Terminal and comment show it."""
    comparison = compared(searched(40, 42), searched(36, 38))
    assert "capacity: 40 users kept" in compare_text.render(comparison, Style(80, False))
    assert "Capacity in B: 36 users kept" in compare_markdown.render(comparison)


def test_the_figures_of_a_search_decide_nothing():
    """They are those of all steps, of those beyond the limit too; how many there were is chance."""
    after = searched(40, 42) | {"metrics": scaled(3.0)["metrics"]}
    assert compared(searched(40, 42), after).exit_code == 0
