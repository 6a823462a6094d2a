"""Metrics whose definition changed are named, and no figure of two definitions is compared."""

import pytest

from fleetlm_users.cli.compare import text as compare_text
from fleetlm_users.cli.trend import text as trend_text
from fleetlm_users.cli.trend.analysis import trend_of
from fleetlm_users.cli.trend.history import read_history
from fleetlm_users.cli.trend.series import TrendSettings
from fleetlm_users.measure.comparing.baseline import baseline_entry
from fleetlm_users.measure.comparing.comparison import compare
from fleetlm_users.measure.comparing.definitions import REDEFINED
from fleetlm_users.measure.comparing.rows import Tolerances
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.report.terminal_style import Style
from tests.cli.histories import history
from tests.cli.summaries import counter, rate, run_file, summary, threshold

FORMERLY = "sends that were replied to with ok / (appended + rejected + lost + unconfirmed), where the protocol replies"
FORMER_WORDS = {
    "acknowledgement_rate": [FORMERLY],
    "client_anomalies": [
        "what the client saw and no rule of the protocol foresees, by kind",
        "what the client received and the protocol does not allow, by kind",
    ],
    "messages_duplicated": ["broadcasts of a `seq` already seen in that session"],
    "replay_changed": ["messages whose replay differs from what was seen live, `id` and `inserted_at` apart"],
}
NOW = DEFAULT["acknowledgement_rate"].help


def acknowledged(passes, total, help_):
    metrics = {"acknowledgement_rate": rate(passes, total) | {"help": help_}, "message_success_rate": rate(90, 100)}
    bound = threshold("acknowledgement_rate: rate>0.95", passes / total, passes / total > 0.95, unit="fraction")
    return summary(metrics, [bound])


def compared(before, after, noise=()):
    others = [run_file(one, f"N{at}") for at, one in enumerate(noise)]
    return compare(run_file(before), run_file(after, "B"), Tolerances(), noise=others)


def test_the_older_words_alone_are_known_as_such():
    """As today's catalogue has them."""
    for changed in REDEFINED:
        assert changed.former_help.fullmatch(DEFAULT[changed.metric].help) is None
    for metric, words in FORMER_WORDS.items():
        (changed,) = [changed for changed in REDEFINED if changed.metric == metric]
        assert all(changed.former_help.fullmatch(each) for each in words)


@pytest.mark.parametrize(("before", "after", "is_named"), [(0, 0, False), (0, 2, True), (2, 0, True), (3, 3, True)])
def test_a_counter_that_counted_nothing_in_both_is_the_same_by_either_definition(before, after, is_named):
    """So the sound runs of two versions are compared without a word."""
    sides = [
        summary({"messages_duplicated": counter(n) | {"help": words}})
        for n, words in ((before, FORMER_WORDS["messages_duplicated"][0]), (after, DEFAULT["messages_duplicated"].help))
    ]
    assert bool(compared(*sides).redefined) == is_named


def test_two_definitions_are_named_and_not_compared():
    """Whichever side is the older one: neither the figure nor its threshold is a regression."""
    old, new = acknowledged(990, 1000, FORMERLY), acknowledged(800, 1000, NOW)
    for before, after in ((old, new), (new, old)):
        found = compared(before, after)
        assert (found.regressions, found.exit_code) == ((), 0)
        (row,) = [row for row in found.rows if row.figure.metric == "acknowledgement_rate"]
        assert (row.change, row.gap) == ("missing", None)
        shown = " ".join(compare_text.render(found, Style(100, False)).split())
        assert "acknowledgement_rate is not compared: it was a share of all sends" in shown
        assert "acknowledgement_rate not compared" in baseline_entry(found)["sentences"][0]["text"]


def test_one_definition_is_compared_as_ever():
    """The older one too; and a noise run of the older one widens no interval."""
    for words in (FORMERLY, NOW):
        found = compared(acknowledged(9900, 10000, words), acknowledged(8000, 10000, words))
        assert found.redefined == ()
        assert found.exit_code == 3
    noise = [acknowledged(7000, 10000, FORMERLY)]
    assert compared(acknowledged(9900, 10000, NOW), acknowledged(8000, 10000, NOW), noise).exit_code == 3


def test_a_trend_leaves_out_older_runs_of_another_definition(tmp_path):
    """And says how many: a step between two definitions is no change of the server."""
    for day in range(24):
        at = tmp_path / f"{day:02}"
        figures = acknowledged(990, 1000, FORMERLY) if day < 12 else acknowledged(800, 1000, NOW)
        metric = figures["metrics"]["acknowledgement_rate"]
        history(at, [1.0] * (day + 1), noise=0.0, metrics={"acknowledgement_rate": metric})
        for other in sorted(at.iterdir())[:-1]:
            (other / "summary.json").unlink()
    trend = trend_of(read_history([tmp_path]), TrendSettings(0.01, Tolerances()))
    (one,) = trend.deciding
    (series,) = [series for series in one.series if series.figure.metric == "acknowledgement_rate"]
    assert (len(series.points), series.changes) == (12, ())
    assert "(12 older runs left out of it)" in " ".join(trend_text.render(trend, Style(200, False)).split())
