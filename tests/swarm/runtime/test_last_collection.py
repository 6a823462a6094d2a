"""The end of a process without Python's last garbage collections."""

import os
import select
import subprocess
import sys

import pytest

from fleetlm_users.output import Output
from fleetlm_users.swarm.runtime import last_collection as module

PROGRAM = """
import gc, sys
from fleetlm_users.swarm.runtime.last_collection import skip_last_collections

class Odd:
    @property
    def __class__(self):
        raise RuntimeError("a proxy without its object")

class Owner:
    def __init__(self, path):
        self.file = open(path, "w")
        self.file.write("kept")
        self.itself = self

proxy = Odd()
owner = Owner(sys.argv[1])
closed = open(sys.argv[1] + ".closed", "w")
closed.close()
del owner
skip_last_collections()
print(gc.get_freeze_count() > 1000, gc.collect())
"""


def test_nothing_is_left_to_collect_and_no_written_line_is_lost(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "left-open.txt")], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "True 0\n", "")
    assert (tmp_path / "left-open.txt").read_text(encoding="utf-8") == "kept"


@pytest.mark.parametrize(("flags", "is_written_to"), [(os.O_RDONLY, False), (os.O_WRONLY, True), (os.O_RDWR, True)])
def test_only_what_can_be_written_to_is_looked_for(tmp_path, flags, is_written_to):
    """A file open for reading holds nothing back; neither does a non-file, nor a closed descriptor."""
    path = tmp_path / "file"
    path.touch()
    number = os.open(path, flags)
    assert module._is_written_to(number) is is_written_to
    os.close(number)
    assert not module._is_written_to(number)


def test_pipes_count_by_their_end_and_epoll_not_at_all():
    """A process of ours always has an epoll open."""
    reading, writing = os.pipe()
    with select.epoll() as poll:
        assert not module._is_written_to(poll.fileno())
    assert (module._is_written_to(reading), module._is_written_to(writing)) == (False, True)
    os.close(reading)
    os.close(writing)


def test_other_descriptors_of_the_standard_streams_do_not_count(monkeypatch):
    """Output writes to a pipe through one of its own."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as pipe:
        monkeypatch.setattr(sys, "stdout", Output(pipe, wait_ms=0))
        assert sys.stdout.written_to not in (0, 1, 2, writing)
        assert module._standard() == {0, 1, 2, sys.stdout.written_to}
        sys.stdout.close()
    os.close(reading)


def test_where_open_files_are_not_known_all_objects_are_looked_at(monkeypatch, tmp_path):
    """macOS is an example."""
    monkeypatch.setattr(module, "OPEN_FILES", str(tmp_path / "nothing"))
    assert module._may_hold_unwritten()
