"""The options of our own process: the work common to all contenders, and nothing that only a preset adds."""

from pathlib import Path

import pytest
import yaml

from benchmarks.figures.fan_out import Crowd, OursFannedOut
from benchmarks.load import TEXT_BYTES, Load
from benchmarks.running.child import ROOT
from benchmarks.tools.ours import Ours

BEYOND_THE_WORK = {"message_bytes": ("--message-bytes", str(TEXT_BYTES)), "audit": ("--audit", "off")}


@pytest.mark.parametrize(
    ("tool", "load"),
    [
        (Ours(), Load(1, 1.0, interval_ms=20)),
        (Ours(), Load(1, 1.0, depth=5)),
        (Ours(), Load(1, journeys=3, messages=3)),
        (Ours(), Load(1, 1.0, protocol="late", rest=True)),
        (OursFannedOut(), Crowd(2, 1.0, interval_ms=50)),
    ],
)
def test_what_a_preset_has_beyond_the_work_of_all_is_taken_back(tool, load):
    """A locustfile without a preset runs with the default of its own name."""
    words = tool.command(load, "127.0.0.1:1", "run", Path("/x")).words
    name = Path(words[words.index("-f") + 1]).stem
    presets = yaml.safe_load((ROOT / "presets.yaml").read_text(encoding="utf-8"))
    for option in presets[name]["default"].get("options", {}):
        if option in BEYOND_THE_WORK:
            flag, value = BEYOND_THE_WORK[option]
            assert words[words.index(flag) + 1] == value
