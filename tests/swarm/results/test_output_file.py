"""A file that the user names: tried without a trace, written in place, never replaced."""

import contextlib
import errno
import os
import pty
import resource
import socket
import stat
import sys
import threading

import pytest

from fleetlm_users.swarm.results import output_file
from fleetlm_users.swarm.results.output_file import PROBE_BYTES, try_file, write_file

HERE = "/proc/self/fd"


def everything_in(folder):
    """All that could have been changed: names, kinds, contents, times (not a folder's, which holds a moment's file)."""
    found = {}
    for path in sorted(folder.rglob("*")):
        about = path.lstat()
        content = path.read_bytes() if stat.S_ISREG(about.st_mode) else None
        changed_ns = 0 if stat.S_ISDIR(about.st_mode) else about.st_mtime_ns
        found[path] = (about.st_mode, about.st_ino, changed_ns, content)
    return found


@contextlib.contextmanager
def no_file_larger_than(most_bytes):
    """Imitate a full disk or a quota: each larger write fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def places(tmp_path):
    """A folder with what may stand at a path."""
    (tmp_path / "old.xml").write_text("old", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("old.xml")
    (tmp_path / "link to nothing").symlink_to("made/later.xml")
    (tmp_path / "loop").symlink_to("loop")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
    return tmp_path


@pytest.mark.parametrize("name", ["new.xml", "a/b/new.xml", "old.xml", "link", "link to nothing", "pipe"])
def test_trying_leaves_no_trace(places, name):
    """A JUnit file of the last run is not emptied, and no folder is left behind."""
    before = everything_in(places)
    try_file(places / name)
    assert everything_in(places) == before


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("folder", errno.EISDIR),
        ("old.xml/new.xml", errno.ENOTDIR),
        ("old.xml/folder/new.xml", errno.ENOTDIR),
        ("loop", errno.ELOOP),
        ("socket", errno.ENXIO),
        ("x" * 300, errno.ENAMETOOLONG),
        (f"new folder/{'x' * 300}", errno.ENAMETOOLONG),
        ("/proc/new folder/new.xml", errno.ENOENT),
        ("/dev/tty/x", errno.ENOTDIR),
        (f"{HERE}/987", errno.EBADF),
        ("a\0b", errno.EINVAL),
    ],
)
def test_what_cannot_be_written_is_found_before_the_run(places, name, error):
    """It leaves no trace either."""
    before = everything_in(places)
    with pytest.raises(OSError, match=r".") as caught:
        try_file(places / name)
    assert caught.value.errno == error
    assert everything_in(places) == before


def test_a_disk_that_is_full_is_found_before_the_run(places):
    """Some bytes are written to find out; they are taken away again."""
    before = everything_in(places)
    with no_file_larger_than(PROBE_BYTES - 1), pytest.raises(OSError, match="File too large"):
        try_file(places / "a" / "new.xml")
    assert everything_in(places) == before


def test_a_disk_that_is_full_is_found_where_a_file_exists(places, monkeypatch):
    """It cannot be written to for that: the system is asked."""
    asked = os.statvfs(places)
    full = os.statvfs_result([*asked[:3], 1, 1, *asked[5:]])
    monkeypatch.setattr(os, "statvfs", lambda _path: full)
    with pytest.raises(OSError, match="No space left"):
        try_file(places / "old.xml")


def test_a_descriptor_that_is_only_read_is_no_place(places):
    """`--junit <(command)` is a slip for `>(command)`."""
    reader, writer = os.pipe()
    with pytest.raises(OSError, match="not open for writing"):
        try_file(output_file.Path(f"/dev/fd/{reader}"))
    try_file(output_file.Path(f"/dev/fd/{writer}"))
    os.close(reader)
    os.close(writer)


def test_standard_output_that_was_closed_is_no_place(monkeypatch):
    """Its number may by then be that of anything."""
    monkeypatch.setattr(sys, "__stdout__", None)
    with pytest.raises(OSError, match="not open for writing"):
        try_file(output_file.Path("/dev/stdout"))


def test_a_new_file_makes_its_folder(tmp_path):
    """An example is --junit build/reports/junit.xml."""
    write_file(tmp_path / "a" / "b.xml", "<x/>")
    assert (tmp_path / "a" / "b.xml").read_text(encoding="utf-8") == "<x/>"


@pytest.mark.parametrize("name", ["old.xml", "link"])
def test_a_file_keeps_its_node(places, name):
    """Whoever holds, mounts or links it sees the new text; none of the longer old one is left."""
    (places / "old.xml").write_text("old and longer", encoding="utf-8")
    os.link(places / "old.xml", places / "hard.xml")
    write_file(places / name, "new")
    assert (places / "hard.xml").read_text(encoding="utf-8") == "new"
    assert (places / "link").is_symlink()
    assert not list(places.glob("*.part"))


def test_a_link_to_nothing_leads_to_the_new_file(places):
    """The link stays."""
    write_file(places / "link to nothing", "new")
    assert (places / "made" / "later.xml").read_text(encoding="utf-8") == "new"


def test_a_pipe_gets_the_text(places):
    """It stays a pipe; more than it can hold is written as it is read."""
    got = []
    reader = threading.Thread(target=lambda: got.append((places / "pipe").read_bytes()))
    reader.start()
    write_file(places / "pipe", "x" * 200_000)
    reader.join()
    assert got == [b"x" * 200_000]
    assert stat.S_ISFIFO((places / "pipe").lstat().st_mode)


def test_a_pipe_that_nobody_reads_does_not_hang_the_end(places, monkeypatch):
    """It covers a pipe that nobody opens and one that is full."""
    monkeypatch.setattr(output_file, "READER_S", 0.05)
    with pytest.raises(TimeoutError, match="nobody read from it"):
        write_file(places / "pipe", "new")
    reader = os.open(places / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with pytest.raises(TimeoutError, match="nobody took what was written"):
        write_file(places / "pipe", "x" * 200_000)
    os.close(reader)


def test_a_reader_that_has_gone_is_an_error(places):
    """An example is `>(command)` when the command has ended."""
    reader, writer = os.pipe()
    os.close(reader)
    with pytest.raises(BrokenPipeError):
        write_file(output_file.Path(f"/dev/fd/{writer}"), "new")
    os.close(writer)


def test_a_terminal_and_a_device_get_the_text():
    """No other file is created next to them."""
    seen, its = pty.openpty()
    write_file(output_file.Path(os.ttyname(its)), "new")
    assert os.read(seen, 99) == b"new"
    os.close(seen)
    os.close(its)
    write_file(output_file.Path("/dev/null"), "new")
    with pytest.raises(OSError, match="No space left"):
        write_file(output_file.Path("/dev/full"), "new")


@pytest.mark.parametrize("through", ["/dev/fd/{}", HERE + "/{}", "a link"])
def test_a_descriptor_of_ours_keeps_its_place(tmp_path, through):
    """With `> out --markdown /dev/stdout`, earlier output stays, and later output follows it."""
    with open(tmp_path / "out", "w", encoding="utf-8") as out:
        out.write("before\n")
        out.flush()
        path = tmp_path / "link to it"
        path.symlink_to(f"{HERE}/{out.fileno()}")
        write_file(path if through == "a link" else output_file.Path(through.format(out.fileno())), "new\n")
        out.write("after\n")
    assert (tmp_path / "out").read_text(encoding="utf-8") == "before\nnew\nafter\n"


def test_a_file_that_standard_output_goes_to_is_not_truncated(tmp_path, monkeypatch):
    """`> out.md --markdown out.md`"""
    with open(tmp_path / "out", "w", encoding="utf-8") as out:
        out.write("before\n")
        out.flush()
        monkeypatch.setattr(output_file, "_STANDARD", {out.fileno(): "stdout"})
        write_file(tmp_path / "out", "new\n")
    assert (tmp_path / "out").read_text(encoding="utf-8") == "before\nnew\n"


@pytest.mark.parametrize(("name", "left"), [("new.xml", None), ("old.xml", "")])
def test_half_a_file_is_not_left(places, name, left):
    """The disk filled up meanwhile."""
    with no_file_larger_than(1_000), pytest.raises(OSError, match="File too large"):
        write_file(places / name, "x" * 2_000)
    path = places / name
    assert (path.read_text(encoding="utf-8") if path.exists() else None) == left
    assert not list(places.glob("*.part"))


def test_any_text_can_be_written(tmp_path):
    """A lone surrogate, from a server or a non-UTF-8 file name, has no UTF-8 itself."""
    write_file(tmp_path / "x", "\ud800 ✓")
    assert (tmp_path / "x").read_text(encoding="utf-8") == "\\ud800 ✓"
