"""Charts have a line for each scenario that streams, and never more lines than colours."""

from fleetlm_users.measure.timeline.rows import percentiles_ms
from fleetlm_users.measure.timeline.scenario_lines import MAX_LINES, STREAM_FIGURES, ScenarioLines
from fleetlm_users.measure.timeline.second import PLACES, Part, Stretch

FAST, SLOW = {111: 10}, {143: 10}  # 1 ms and 4 ms, by coarse bucket


def second(**scenarios):
    parts = {name: Part.empty() for name in scenarios}
    for name, spreads in scenarios.items():
        parts[name].spreads = spreads
    return Stretch(0, 0, 0.0, parts)


def counted(part, **counts):
    for column, count in counts.items():
        part.counts[PLACES[column]] = count


def p95(buckets):
    return percentiles_ms(buckets)[1]


def test_each_scenario_that_streams_has_its_own_figures():
    """First chunk and gap of each, in the order in which they were seen; one that does not stream has no line."""
    lines = ScenarioLines()
    told = second(b={"first_chunk": SLOW, "chunk_gap": FAST}, a={"first_chunk": FAST}, idle={"append": SLOW})
    assert lines.figures(told) == [p95(FAST), None, None, 0, 0, p95(SLOW), p95(FAST), None, 0, 0]
    assert lines.names == ["a", "b"]


def test_a_line_keeps_its_place():
    """Scenarios that stream later are added at the end, and a pause is a gap."""
    lines = ScenarioLines()
    lines.figures(second(b={"first_chunk": SLOW}))
    assert lines.figures(second(a={"first_chunk": FAST})) == [None, None, None, 0, 0, p95(FAST), None, None, 0, 0]
    assert lines.names == ["b", "a"]


def test_too_many_scenarios_share_the_last_line():
    """Their distributions are merged before the percentile is taken: 10 of 210 slow ones are not the p95."""
    lines = ScenarioLines()
    many = {f"s{number}": {"first_chunk": FAST} for number in range(MAX_LINES - 1)}
    assert lines.figures(second(**many, t={"first_chunk": {111: 200}}, u={"first_chunk": SLOW}))[-5] == p95(FAST)
    assert lines.names == [*many, "2 others"]


def test_as_many_scenarios_as_lines_are_all_named():
    """There are others only beyond that."""
    lines = ScenarioLines()
    names = [f"s{number}" for number in range(MAX_LINES)]
    assert (
        len(lines.figures(second(**{name: {"first_chunk": FAST} for name in names}))) == len(STREAM_FIGURES) * MAX_LINES
    )
    assert lines.names == names


def test_chunks_and_broken_streams_are_counted_per_second():
    """Stalls and incomplete answers count together; a scenario with nothing else has a line, too."""
    told = second(burst={"stream": SLOW}, churn={})
    told.width_s = 2
    counted(told.parts["churn"], chunks=6, stream_stalls=1, streams_incomplete=2)
    nothing = [None, None, None]
    assert ScenarioLines().figures(told) == [None, None, p95(SLOW), 0, 0, *nothing, 3.0, 1.5]
