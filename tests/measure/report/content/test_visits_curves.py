"""The charts of sessions that arrive: planned, arrived, and present."""

import pytest

from fleetlm_users.measure.report.content.charts_shown import ARRIVALS_CHART, PRESENT_CHART
from fleetlm_users.measure.report.content.visits import visits_curves
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.timeline.rows import flat
from fleetlm_users.measure.timeline.second import PLACES, Part, Stretch


def second(number, begun=0, ended=0, dropped=0):
    part = Part.empty()
    for column, n in (("visits_begun", begun), ("visits_ended", ended), ("visits_dropped", dropped)):
        part.counts[PLACES[column]] = n
    return flat(Stretch(number, 0, 0.0, {"burst": part}))


SECONDS = [second(0, begun=3), second(1, begun=2, ended=1), second(2, ended=4, dropped=2), second(3)]


def curves(summary_of, healthy, rates, stages=(), duration_s=3.0):
    told, _ = summary_of(healthy)
    told["visits"] = {"rate": ",".join(rates)}
    told["stages"] = [
        dict(zip(("begins_s", "length_s", "rate_before", "rate"), stage, strict=True)) for stage in stages
    ]
    told["plan"]["duration_s"] = duration_s
    found = visits_curves(told, SECONDS)
    (planned,), (present,) = found[ARRIVALS_CHART].values(), found[PRESENT_CHART].values()
    return planned, present


def test_those_are_there_who_began_and_have_not_ended(summary_of, healthy):
    """Counted at the end of each second; one rate is planned until the planned end."""
    assert curves(summary_of, healthy, ["2.5"]) == ([2.5, 2.5, 2.5, None], [3, 4, 0, 0])


def test_a_rate_in_stages_is_planned_as_it_changes(summary_of, healthy):
    """It is taken in the middle of each second; after the last stage there is none."""
    stages = ((0.0, 2, 0.0, 4.0), (2.0, 1, 8.0, 8.0))
    assert curves(summary_of, healthy, ["up=2s:4", "j=0s:8", "hold=1s:8"], stages)[0] == [1.0, 3.0, 8.0, None]


def test_a_file_whose_stages_have_no_end_is_drawn_as_far_as_there_are_seconds(summary_of, healthy):
    """It may come from anywhere."""
    stages = ((-1e18, 10**18, 0.0, 4.0), (2.0, 10**18, 8.0, 8.0))
    assert curves(summary_of, healthy, ["up=2s:4", "hold=1s:8"], stages)[0][2:] == [8.0, 8.0]


@pytest.mark.parametrize(("where", "what"), [("plan", "resets"), ("", "workers_lost")])
def test_how_many_are_there_is_not_shown_where_some_were_forgotten(summary_of, healthy, where, what):
    """Sessions from before a reset are in no count, and those of a lost worker never end."""
    told, _ = summary_of(healthy)
    told["visits"] = {"rate": "2"}
    (told[where] if where else told)[what] = [1.5] if where else [{"text": "worker w was lost"}]
    assert set(visits_curves(told, SECONDS)) == {ARRIVALS_CHART}


@pytest.mark.parametrize("arrive", [True, False])
def test_the_page_has_both_charts_where_sessions_arrive(summary_of, healthy, arrive):
    """It has neither if users stay."""
    told, _ = summary_of(healthy)
    if arrive:
        told["plan"]["duration_s"] = None
        counts = dict.fromkeys(("due", "begun", "dropped", "ended", "unfinished"), 5)
        told["visits"] = {"rate": "2", "arrivals": "even", "max_users": 9, "main": counts, "all": counts}
        told["visits"] |= {"most_present": 4, "little": {"words": ""}}
    rows = SECONDS if arrive else [second(number) for number in range(4)]
    page = render_html(told, rows)
    assert ("Sessions that arrive" in page, "Sessions in the system" in page) == (arrive, arrive)
