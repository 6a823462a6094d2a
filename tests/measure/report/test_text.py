"""The console report says everything, fits, and is right without colour."""

import re

import pytest

from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.report.text import render
from fleetlm_users.output_characters import to_ascii

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def troubled(healthy):
    def write(ledger):
        healthy(ledger)
        ledger.count("messages_sent", "churn", MAIN, 1234)
        ledger.count("messages_lost", "churn", MAIN, 1234, label="timeout")
        ledger.count("disconnects", "burst", MAIN, 2, label="closed_1012")
        ledger.count("messages_rejected", "burst", WARM_UP, 3, label="full")
        ledger.count("messages_sent", "burst", WARM_UP, 3)

    return write


def test_thresholds_come_first_and_the_verdict_last(summary_of, healthy):
    """The decisive parts frame the rest."""
    told, _ = summary_of(healthy, thresholds="append_latency_ms: p(95)<500; agent_reply_rate: rate>0.9")
    text = render(told)
    lines = [line for line in text.splitlines() if line]
    assert (
        lines[0].strip() == "mixed · preset light · run r1 · http://localhost:4000/api · 4s measured after 10s warm-up"
    )
    assert lines[1].strip() == "THRESHOLDS"
    assert re.search(r"✓ append_latency_ms: p\(95\)<500 +1\.470 ms +of 200 samples", text)
    assert re.search(r"✓ agent_reply_rate: rate>0\.9 +100\.00 % +of 200 samples", text)
    assert lines[-1].strip() == "PASS  (exit code 0)"


@pytest.mark.parametrize(("spoken", "said"), [("late", True), ("early", True), ("auto", False), (None, False)])
def test_the_title_names_the_protocol(summary_of, healthy, spoken, said):
    """The one that was spoken; older summaries do not know it."""
    told, _ = summary_of(healthy)
    told["options"]["protocol"] = spoken
    assert (f" · protocol {spoken} · " in render(told)) == said


def test_a_failed_run_shows_all_it_knows(summary_of, healthy):
    """Missed thresholds, fates, kinds of trouble, every reason."""
    told, _ = summary_of(
        troubled(healthy),
        thresholds="append_latency_ms: p(95)<1, p(99.9)<5; ws_connect_ms: max<9; message_success_rate: rate>0.9",
        interrupted=True,
    )
    text = render(told)
    assert re.search(r"✗ append_latency_ms: p\(95\)<1 +1\.470 ms", text)
    assert re.search(r"\? append_latency_ms: p\(99\.9\)<5 .* only 200 of the 1000 samples", text)
    assert re.search(r"✗ ws_connect_ms: max<9 +no samples", text)
    assert re.search(r"churn +1,234 +0 +0 +1,234 +0 +0 +✓", text)
    assert re.search(r"warm-up +503 +500 +3 ", text)
    assert re.search(r"closed_1012 +2", text)
    assert "(+3 in warm-up)" in text
    assert "FAIL  (exit code 3)" in text
    reasons = [line.strip() for line in text.rstrip().splitlines()[-2:]]
    assert reasons == [
        "? ws_connect_ms: max<9: no samples",
        "? message_success_rate{scenario:churn} is 0 % of 1,234: a total failure that no threshold bounds",
    ]


def test_a_latency_says_how_many_values_it_lacks(summary_of, healthy):
    """Right below its own row, with nothing in place of the statistics; a whole one has no such row."""
    assert "not measured" not in render(summary_of(healthy)[0])
    told, _ = summary_of(healthy, lambda ledger: ledger.count("agent_latencies_left_out", "burst", MAIN, 12))
    rows = render(told).splitlines()
    below = rows[next(i for i, row in enumerate(rows) if "agent_latency_ms" in row and "<" not in row) + 1]
    assert below.split() == ["not", "measured", "12", *"–" * 8]


def test_a_latency_that_could_never_be_measured_is_shown(summary_of):
    """It has no value, but the number of values it lacks."""
    told, _ = summary_of(lambda ledger: ledger.count("agent_latencies_left_out", "burst", MAIN, 12))
    rows = [row.split() for row in render(told).splitlines()]
    at = rows.index(["agent_latency_ms", "0", *"–" * 8])
    assert rows[at + 1] == ["not", "measured", "12", *"–" * 8]


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_tables_fit_the_width(summary_of, healthy, width):
    """Columns that can be spared go; nothing is cut or wrapped by the terminal."""
    told, _ = summary_of(troubled(healthy), healthy)
    lines = render(told, width).splitlines()
    assert max(len(line) for line in lines if "worker-" not in line) <= max(width, 76)
    assert any("append_latency_ms" in line for line in lines)


def test_colour_only_adds_escapes(summary_of, healthy):
    """The text is the same with and without."""
    told, _ = summary_of(troubled(healthy))
    coloured = render(told, 100, colour=True)
    assert ESCAPES.search(coloured)
    assert ESCAPES.sub("", coloured) == render(told, 100)


def test_plain_ascii_for_outputs_that_need_it(summary_of, healthy):
    """No question marks where our own signs were."""
    told, _ = summary_of(healthy)
    text = to_ascii(render(told, 100))
    assert text.isascii()
    assert "+ append_latency_ms: p(95)<500" in text
    assert "?" not in text


def test_many_workers_are_cut_short(summary_of, healthy):
    """The rest is in summary.json."""
    told, _ = summary_of(*([healthy] * 14))
    assert "… and 2 more workers" in render(told)


def test_an_empty_run_can_be_rendered(summary_of):
    """No section needs numbers."""
    told, _ = summary_of(lambda ledger: None, thresholds="")
    text = render(told)
    assert "no threshold was given" in text
    assert "nothing was counted" in text
    assert "INCONCLUSIVE  (exit code 4)" in text


def test_files_that_are_missing_are_reported_last(summary_of, healthy):
    """A pass whose JUnit file was lost does not look like a pass."""
    told, _ = summary_of(healthy)
    told["verdict"]["exit_code"] = 5
    told["unwritten"] = ["--junit junit.xml: No space left on device"]
    lines = [line.strip() for line in render(told).splitlines() if line]
    assert lines[-2:] == ["PASS  (exit code 5)", "! not written: --junit junit.xml: No space left on device"]


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_lines_of_thresholds_fit_the_width(summary_of, healthy, width):
    """A note that does not fit beside the measured value is below it, complete."""
    told, _ = summary_of(healthy)
    (entry,) = told["thresholds"]
    long = entry | {"expression": "cleanup_success_rate{scenario:churn}: rate>0.9", "origin": "behaviour"}
    untold = entry | {"measured": None, "ok": True, "problem": "too short to tell: 12 s of the 20 s that it takes"}
    told["thresholds"] = [entry, long, untold]
    text = render(told, width)
    lines = text.partition("THRESHOLDS")[2].partition("LATENCY")[0].splitlines()
    assert max(map(len, lines)) <= max(width, 70)
    assert "too short to tell: 12 s of the 20 s that it takes" in " ".join(text.split())
    assert "of 200 samples, default" in " ".join(text.split())
