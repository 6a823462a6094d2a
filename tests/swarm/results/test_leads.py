"""Explanations added to a summary: how each threshold was missed, from the seconds of its own scenario."""

from fleetlm_users.measure.timeline.rows import flat
from fleetlm_users.measure.timeline.second import PLACES, Part, Stretch
from fleetlm_users.swarm.results.leads import add_onsets
from tests.cli.summaries import summary, threshold


def lost_at(second, scenario):
    part = Part.empty()
    part.counts[PLACES["lost"]] = 1
    return Stretch(second, 0, 0.0, {scenario: part})


def test_each_missed_threshold_is_looked_for_in_its_own_scenario():
    """Its seconds are made once, and only if a threshold needs them."""
    run = [lost_at(4, "churn"), Stretch.empty(5), lost_at(6, "burst")]
    made = []

    def rows_of(scenario):
        made.append(scenario)
        return [flat(stretch, scenario) for stretch in run]

    missed = [
        threshold("messages_lost: count==0", 2, False),
        threshold("messages_lost: count<=1", 2, False),
        threshold("messages_lost: count==0", 1, False, scenario="burst"),
        threshold("messages_lost: count<1", 1, False, scenario="burst"),
        threshold("messages_lost: count<9", 1, True, scenario="churn"),
        threshold("seq_gaps: count==0", 1, False),
    ]
    told = summary(thresholds=missed)
    add_onsets(told, [flat(stretch) for stretch in run], rows_of, 0.0, lambda metric, *_: {"seq_gaps": 5.2}.get(metric))
    moments = [(entry.get("first_s"), entry.get("began_s")) for entry in told["thresholds"]]
    assert moments == [(4, None), (None, 6), (6, None), (6, None), (None, None), (5, None)]
    assert made == ["burst"]
