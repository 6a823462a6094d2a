"""The style sheet and the script can stand inside their tags."""

import re

from fleetlm_users.measure.report.html import asset

STYLE, SCRIPT = (str(asset(name)) for name in ("report.css", "report.js"))


def test_they_cannot_end_their_own_tag():
    """Nor load anything from elsewhere."""
    for content in (STYLE, SCRIPT):
        assert "</" not in content
        assert not re.search(r"https?:|url\(|@import|fetch\(", content)
        assert content.count("{") == content.count("}")


def test_every_colour_is_defined_for_light_dark_and_paper():
    """A colour missing in one of them would be invisible there."""
    used = set(re.findall(r"var\((--[a-z0-9]+)", STYLE)) - {"--k"}
    blocks = re.findall(r":root \{([^}]*)\}", STYLE)
    defined = [set(re.findall(r"(--[a-z0-9]+):", block)) for block in blocks]
    assert len(defined) == 3
    assert used <= defined[0]
    assert used <= defined[1]
    assert used - {"--warm"} <= defined[2]
