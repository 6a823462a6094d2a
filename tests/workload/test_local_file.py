"""A file that a user names is read within bounds, without waiting, and only if it is a regular one."""

import os
import socket
import threading
from pathlib import Path

import pytest

from fleetlm_users.workload.local_file import UnreadableFile, read_text

LIMIT = 64 * 1024


def refusal(path, max_bytes=LIMIT):
    """Why a file is not read."""
    with pytest.raises(UnreadableFile) as raised:
        read_text(Path(path), max_bytes)
    return str(raised.value)


def test_a_text_is_read_whole_up_to_the_limit(tmp_path):
    """UTF-8, and a link to a file is a file."""
    file, link = tmp_path / "a.txt", tmp_path / "link"
    file.write_bytes("ü".encode() * (LIMIT // 2))
    link.symlink_to(file)
    assert read_text(link, LIMIT) == "ü" * (LIMIT // 2)
    file.write_bytes(b"x" * (LIMIT + 1))
    assert refusal(file) == "it is larger than 64 KiB"


def test_what_is_no_file_is_refused_by_its_kind(tmp_path):
    """None of them is opened, so none can block or do anything."""
    pipe, listening = tmp_path / "pipe", tmp_path / "socket"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(listening))
        assert refusal(listening) == "it is a socket, not a file"
    assert refusal(pipe) == "it is a pipe, not a file"
    assert refusal(tmp_path) == "it is a directory, not a file"
    assert refusal("/dev/zero") == refusal("/dev/null") == "it is a device, not a file"


def test_a_pipe_with_a_writer_is_refused_as_well(tmp_path):
    """Process substitution of a shell is one: it could be read only once, and a run reads its presets often."""
    read_end, write_end = os.pipe()
    try:
        assert refusal(f"/dev/fd/{read_end}") == "it is a pipe, not a file"
    finally:
        os.close(read_end)
        os.close(write_end)


def test_a_pipe_that_takes_a_files_place_between_look_and_opening_does_not_block(tmp_path, monkeypatch):
    """The check is repeated on the opened file."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    looked = os.stat(__file__)
    monkeypatch.setattr(os, "stat", lambda *_args, **_kwargs: looked)
    found = []
    reader = threading.Thread(target=lambda: found.append(refusal(pipe)), daemon=True)
    reader.start()
    reader.join(60)
    assert found == ["it is a pipe, not a file"]


def test_a_file_whose_size_is_not_known_before_is_bounded_as_well():
    """Files below /proc have a size of 0, and some have no end."""
    assert refusal("/proc/self/smaps", 16).startswith("it is larger than")


def test_every_other_reason_is_reported_in_words(tmp_path):
    """The system's own, and never a traceback."""
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"abc\xff")
    assert refusal(garbage) == "not UTF-8 at byte 3"
    assert refusal(tmp_path / "none") == "No such file or directory"
    assert refusal("a\0b") == "no path can hold a NUL"
    assert refusal("~nobody-here/x") == "no such home directory"
    assert refusal("x" * 5000) == "File name too long"
