"""Contenders take turns, finished pairs are in the file at once, and a failure costs its own pair only."""

import pytest

from benchmarks.figure import Column, Figure
from benchmarks.publishing.results import Results
from benchmarks.running import rounds
from benchmarks.settings import Settings


def figure(measure, contenders=("ours", "k6/ws")):
    """A figure of a second per run."""
    return Figure("figure", "A figure", "work", contenders, measure, lambda _: 1.0, (Column("x", "x"),))


def test_contenders_take_turns(tmp_path):
    """A, B, A, B and not A, A, B, B."""
    turns = []

    def measure(contender, _):
        turns.append(contender)
        return {"x": float(len(turns))}

    ((_, measured),) = rounds.run([figure(measure)], Settings(pairs=2), tmp_path / "r.json", say=lambda _: None)
    assert turns == ["ours", "k6/ws", "ours", "k6/ws"]
    assert measured.pairs == [{"ours": {"x": 1.0}, "k6/ws": {"x": 2.0}}, {"ours": {"x": 3.0}, "k6/ws": {"x": 4.0}}]


def test_a_failed_pair_is_left_out_and_reported(tmp_path):
    """The other pairs stay, and the bench goes on."""
    said, calls = [], iter([1.0, RuntimeError("k6 is gone"), 3.0])

    def measure(*_):
        value = next(calls)
        if isinstance(value, Exception):
            raise value
        return {"x": value}

    settings = Settings(pairs=3)
    ((_, measured),) = rounds.run([figure(measure, ("ours",))], settings, tmp_path / "r.json", said.append)
    assert [pair["ours"]["x"] for pair in measured.pairs] == [1.0, 3.0]
    assert "  2/3 failed: k6 is gone" in said


def test_ctrl_c_keeps_what_is_finished(tmp_path):
    """The finished pair is in the file, although the bench was ended in the second one."""
    calls = iter([1.0])

    def measure(*_):
        value = next(calls, None)
        if value is None:
            raise KeyboardInterrupt
        return {"x": value}

    with pytest.raises(KeyboardInterrupt):
        list(rounds.run([figure(measure, ("ours",))], Settings(), tmp_path / "r.json", say=lambda _: None))
    assert Results.load(tmp_path / "r.json").figures["figure"].pairs == [{"ours": {"x": 1.0}}]
