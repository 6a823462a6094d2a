"""Charts have a line for each scenario that streams, and never more lines than colours."""

from fleetlm_users.measure.timeline.rows import percentiles_ms
from fleetlm_users.measure.timeline.scenario_lines import MAX_LINES, ScenarioLines
from fleetlm_users.measure.timeline.second import Part, Second

FAST, SLOW = {111: 10}, {143: 10}  # 1 ms and 4 ms, by coarse bucket


def second(**scenarios):
    parts = {name: Part.empty() for name in scenarios}
    for name, spreads in scenarios.items():
        parts[name].spreads = spreads
    return Second(0, 0, 0.0, parts)


def p95(buckets):
    return percentiles_ms(buckets)[1]


def test_each_scenario_that_streams_has_its_own_figures():
    """First chunk and gap of each, in the order in which they were seen; one that does not stream has no line."""
    lines = ScenarioLines()
    told = second(b={"first_chunk": SLOW, "chunk_gap": FAST}, a={"first_chunk": FAST}, idle={"append": SLOW})
    assert lines.p95_ms(told) == [p95(FAST), None, p95(SLOW), p95(FAST)]
    assert lines.names == ["a", "b"]


def test_a_line_keeps_its_place():
    """Whoever streams later is added at the end, and a pause is a gap."""
    lines = ScenarioLines()
    lines.p95_ms(second(b={"first_chunk": SLOW}))
    assert lines.p95_ms(second(a={"first_chunk": FAST})) == [None, None, p95(FAST), None]
    assert lines.names == ["b", "a"]


def test_too_many_scenarios_share_the_last_line():
    """Their distributions are merged before the percentile is taken: 10 of 210 slow ones are not the p95."""
    lines = ScenarioLines()
    many = {f"s{number}": {"first_chunk": FAST} for number in range(MAX_LINES - 1)}
    assert lines.p95_ms(second(**many, t={"first_chunk": {111: 200}}, u={"first_chunk": SLOW}))[-2] == p95(FAST)
    assert lines.names == [*many, "2 others"]


def test_as_many_scenarios_as_lines_are_all_named():
    """Only beyond them there are others."""
    lines = ScenarioLines()
    names = [f"s{number}" for number in range(MAX_LINES)]
    assert len(lines.p95_ms(second(**{name: {"first_chunk": FAST} for name in names}))) == 2 * MAX_LINES
    assert lines.names == names
