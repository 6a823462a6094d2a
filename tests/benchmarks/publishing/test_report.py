"""The committed page and chart are those of the committed reference, and every goal can be shown."""

from xml.etree import ElementTree

import pytest

from benchmarks.contenders import K6_WS
from benchmarks.figures import ROWS
from benchmarks.publishing import report
from benchmarks.publishing.chart import chart
from benchmarks.publishing.markdown import render
from benchmarks.publishing.results import REFERENCE, Measured, Results


@pytest.fixture(scope="module")
def reference():
    """benchmarks/reference.json."""
    return Results.load(REFERENCE)


@pytest.mark.parametrize("figure", ROWS, ids=lambda figure: figure.name)
def test_a_goal_is_of_a_shown_value_of_a_contender(figure):
    """Otherwise the table cannot show what was measured."""
    for goal in figure.goals:
        assert figure.column(goal.key)
        assert goal.of in figure.contenders
        assert not goal.relative_to or goal.relative_to in figure.contenders
        assert (goal.at_most is None) != (goal.at_least is None)


def test_page_and_chart_are_up_to_date(reference):
    """`python -m benchmarks report` writes them."""
    text = report.PAGE.read_text(encoding="utf-8")
    assert report.page(text, reference) == text
    assert chart(ROWS, reference.figures) == report.CHART.read_text(encoding="utf-8")


def test_the_reference_has_nothing_but_the_figures_and_their_contenders(reference):
    """Figures not measured yet are named; a tool that is absent where the bench runs has no bar and no value."""
    names = {figure.name for figure in ROWS}
    assert reference.figures.keys() <= names
    missing = [figure.title for figure in ROWS if figure.name not in reference.figures]
    assert [title for title in missing if title not in render(ROWS, reference.figures)] == []
    for figure in ROWS:
        for pair in reference.figures[figure.name].pairs if figure.name in reference.figures else ():
            assert pair.keys() <= set(figure.contenders)
            assert {goal.of for goal in figure.goals} <= pair.keys()


def test_a_tool_that_cannot_do_the_work_says_so_in_its_cells():
    """The reason is below the table."""
    figure = next(each for each in ROWS if each.cannot)
    text = render([figure], {figure.name: Measured("2026-11-24", False, {}, pairs=[{}])})
    for name, reason in figure.cannot.items():
        assert f"{name} cannot: {reason}." in text
    assert text.count("| cannot") == len(figure.cannot) * len(figure.columns)


def test_a_chart_has_a_bar_per_contender():
    """Each bar is as long as the median, and the longest one as long as there is room."""
    figure = next(each for each in ROWS if K6_WS in each.contenders)
    key = figure.columns[0].key
    pairs = [{"ours": {key: value}, K6_WS: {key: 40.0}} for value in (10.0, 20.0, 30.0)]
    root = ElementTree.fromstring(chart(ROWS, {figure.name: Measured("2026-11-24", False, {}, pairs=pairs)}))
    _, ours, theirs = (float(rect.get("width")) for rect in root.iter("{http://www.w3.org/2000/svg}rect"))
    assert ours == pytest.approx(theirs / 2, rel=0.01)


@pytest.mark.parametrize(("processors", "told"), [(("x", "x"), []), (("x", "y"), ["A", "B"])])
def test_figures_of_different_machines_say_so(processors, told):
    """Each which; a reader must not hold one against the other."""
    figures = ROWS[:2]
    measured = {
        figure.name: Measured("2026-11-24", False, {"processor": processor}, pairs=[{}])
        for figure, processor in zip(figures, processors, strict=True)
    }
    text = render(figures, measured)
    assert [letter for letter in "AB" if f"on machine {letter}" in text] == told
    assert [letter for letter in "AB" if f"Machine {letter}: processor" in text] == told


def test_results_survive_the_file(tmp_path, reference):
    """Newer figures replace older ones, and the others stay."""
    newer = Results({"churn": Measured("2027-01-01", True, {}, pairs=[{"ours": {"x": 1.0}}])})
    newer.save(tmp_path / "results.json")
    updated = reference.updated(Results.load(tmp_path / "results.json"))
    assert updated.figures["churn"].begun_utc == "2027-01-01"
    assert updated.figures["truth"] == reference.figures["truth"]


def test_a_file_of_another_format_is_refused(tmp_path):
    """The error names the accepted format."""
    (tmp_path / "old.json").write_text('{"format": 0}')
    with pytest.raises(ValueError, match="got format 0; accepted is 1"):
        Results.load(tmp_path / "old.json")
