"""A server's own metrics: found under the names that real servers use, without reading anything else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.measure.server.exposition import PATTERNS, read_exposition

FLEETLM = """\
# HELP fleetlm_prom_ex_beam_memory_allocated_bytes The total amount of memory currently allocated.
# TYPE fleetlm_prom_ex_beam_memory_allocated_bytes gauge
fleetlm_prom_ex_beam_memory_allocated_bytes 98765432
# TYPE fleetlm_prom_ex_beam_memory_processes_total_bytes gauge
fleetlm_prom_ex_beam_memory_processes_total_bytes 41000000
fleetlm_prom_ex_beam_memory_binary_total_bytes 2e6
fleetlm_prom_ex_beam_memory_ets_total_bytes 3000000
fleetlm_prom_ex_beam_stats_process_count 612
fleetlm_prom_ex_beam_stats_port_count 33
# TYPE fleetlm_prom_ex_phoenix_channel_joined_total counter
fleetlm_prom_ex_phoenix_channel_joined_total{result="ok",transport="websocket"} 40
fleetlm_prom_ex_phoenix_channel_joined_total{result="error",transport="websocket"} 2
# TYPE fleetlm_prom_ex_phoenix_http_request_duration_milliseconds histogram
fleetlm_prom_ex_phoenix_http_request_duration_milliseconds_bucket{path="/api/sessions",le="1"} 5
fleetlm_chat_conversations_active_count{scope="global"} 12
fleetlm_chat_inboxes_active_count{scope="global"} 3
"""


def test_fleetlms_own_figures_are_found():
    """PromEx's BEAM and Phoenix plugins and FleetLM's own."""
    found = {figure: reading.value for figure, reading in read_exposition(FLEETLM).items()}
    assert found == {
        "memory_bytes": 98765432,
        "processes_memory_bytes": 41e6,
        "binary_memory_bytes": 2e6,
        "ets_memory_bytes": 3e6,
        "beam_processes": 612,
        "beam_ports": 33,
        "channel_joins": 42,
        "conversations": 12,
        "inboxes": 3,
    }
    assert read_exposition(FLEETLM)["memory_bytes"].name == "fleetlm_prom_ex_beam_memory_allocated_bytes"


@pytest.mark.parametrize(
    ("text", "memory"),
    [
        ("my_app_prom_ex_beam_memory_allocated_bytes 5\nprocess_resident_memory_bytes 9\n", 5),
        ('erlang_vm_memory_bytes_total{kind="system"} 10\nerlang_vm_memory_bytes_total{kind="processes"} 20\n', 30),
        ('erlang_vm_memory_bytes{kind="system"} 10\nerlang_vm_memory_bytes{kind="processes"} 20\n', 30),
        ("vm_memory_total 7 1700000000000\n", 7),
        ("process_resident_memory_bytes 9\n", 9),
        ("process_resident_memory_bytes NaN\n", None),
        ("process_resident_memory_bytes +Inf\n", None),
        ("erlang_vm_memory_bytes_total 1e308\nerlang_vm_memory_bytes_total 1.7e308\n", None),
        ("something_else 1\n", None),
        ("", None),
    ],
)
def test_memory_has_many_names(text, memory):
    """The more exact one comes first; labels are summed; a value that is not a number is ignored."""
    reading = read_exposition(text).get("memory_bytes")
    assert (reading.value if reading else None) == memory


@pytest.mark.parametrize("text", ["<html>Not found</html>", '{"error": "x"}', "process_resident_memory_bytes many\n"])
def test_what_is_no_such_text_is_refused(text):
    """A login page, for instance."""
    with pytest.raises(ValueError, match=r"."):
        read_exposition(text)


def test_every_name_that_is_looked_for_is_documented():
    """It is in the row of its figure."""
    document = Path(__file__).parents[3] / "docs" / "metrics.md"
    rows = [line for line in document.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    for figure, names in PATTERNS.items():
        row = next(row for row in rows if row.startswith(f"| `{figure}` |"))
        assert all(f"`{name}`" in row for name in names)


@given(st.text(max_size=200) | st.from_regex(r"process_resident_memory_bytes.{0,30}"))
def test_any_text_is_read_or_refused(text):
    """No other error."""
    try:
        found = read_exposition(text)
    except ValueError:
        return
    assert set(found) <= set(PATTERNS)
