"""Scenes of the wire record and how a live answer is held against a recorded one.

Ids and times differ in every run: a recorded id stands for whichever one was seen in its place first, and a time
only has to have
the recorded form.
"""

import re
from pathlib import Path

RECORD = Path(__file__).parent / "record"
ULID = re.compile(r"01[0-9A-HJKMNP-TV-Z]{24}")
UUID = re.compile(r"(?<![\w-])A[A-Za-z0-9_-]{7}[c-f][A-Za-z0-9_-][CGKOSWaeimquy26-][A-Za-z0-9_-]{10}[AQgw](?![\w-])")
"""A UUID of version 7 in URL-safe base64, as the late protocol has it: 48 bits of time, 0111, 12 bits, 10, 62 bits."""
ID = re.compile(rf"{ULID.pattern}|{UUID.pattern}")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\Z")
SHARD = re.compile(r"shard_key: \d+")


def scenes(name):
    """(title, lines) of each scene in a file of the record."""
    found = []
    for line in (RECORD / name).read_text().splitlines()[1:]:
        if line.startswith("#### "):
            found.append((line[5:], []))
        elif found and line:
            found[-1][1].append(line)
    return found


class Names:
    """The live id for each recorded one."""

    def __init__(self):
        self.live = {}

    def translate(self, text):
        """`text` with the recorded ids that are known replaced by the live ones."""
        return ID.sub(lambda found: self.live.get(found[0], found[0]), text)

    def differences(self, recorded, live, where="$"):
        """Return the differences as texts; learns the ids."""
        if isinstance(recorded, dict) and isinstance(live, dict):
            if recorded.keys() != live.keys():
                return [f"{where}: keys {sorted(live)} instead of {sorted(recorded)}"]
            pairs = [(recorded[key], live[key], f"{where}.{key}") for key in recorded]
        elif isinstance(recorded, list) and isinstance(live, list):
            if len(recorded) != len(live):
                return [f"{where}: {len(live)} items instead of {len(recorded)}: {live}"]
            pairs = [(recorded[i], live[i], f"{where}[{i}]") for i in range(len(recorded))]
        else:
            return [] if self._same(recorded, live) else [f"{where}: {live!r} instead of {recorded!r}"]
        return [problem for pair in pairs for problem in self.differences(*pair)]

    def _same(self, recorded, live):
        if not (isinstance(recorded, str) and isinstance(live, str)):
            return recorded == live and type(recorded) is type(live)
        times = STAMP.match(recorded), STAMP.match(live)
        if all(times):
            return (times[0][1] is None) == (times[1][1] is None)
        for one, other in zip(ID.findall(recorded), ID.findall(live), strict=False):
            self.live.setdefault(one, other)
        return SHARD.sub("shard_key: N", self.translate(recorded)) == SHARD.sub("shard_key: N", live)
