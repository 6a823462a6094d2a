"""Whatever the text, it stays text."""

from fleetlm_users.measure.report.html_parts import facts, section, table, text, tiles

NASTY = '<img src=x onerror="alert(1)">'


def test_everything_is_escaped():
    """Labels and options come from servers and people."""
    parts = (text(NASTY), table((NASTY,), [(NASTY, NASTY)]), tiles([(NASTY, NASTY, NASTY)]), facts({NASTY: NASTY}))
    for part in (*parts, section(NASTY, "x")):
        assert "<img" not in part
        assert "&lt;img" in part


def test_a_detail_row_is_marked():
    """A scenario below its metric."""
    rendered = table(("", "n"), [("metric", "1"), ("  burst", "2")])
    assert '<tr><th scope="row">metric</th>' in rendered
    assert '<tr class=sub><th scope="row">burst</th>' in rendered


def test_facts_are_flat_and_without_empty_ones():
    """Nested settings are named by their path."""
    rendered = facts({"users": {"burst": 5}, "tags": ["a", "b"], "none": None, "empty": "", "list": [], "zero": 0})
    assert "<dt>users.burst</dt><dd>5</dd>" in rendered
    assert "<dd>a, b</dd>" in rendered
    assert "<dt>zero</dt><dd>0</dd>" in rendered
    assert not any(name in rendered for name in ("none", "empty", "list"))


def test_a_section_without_content_is_nothing():
    """No heading over a void."""
    assert section("Title", "") == ""
