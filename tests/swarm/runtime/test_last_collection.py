"""The end of a process without Python's last garbage collections."""

import subprocess
import sys

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
