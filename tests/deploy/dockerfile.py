"""The Dockerfile as data: its stages and what the final image is like."""

import json
import shlex
from dataclasses import dataclass

from tests.e2e.harness import ROOT

FILE = ROOT / "Dockerfile"


@dataclass(frozen=True)
class Instruction:
    """One instruction, its continued lines joined."""

    keyword: str
    text: str

    @property
    def words(self):
        """Its arguments; of an exec form, its strings."""
        return json.loads(self.text) if self.text.startswith("[") else shlex.split(self.text)


def stages():
    """The instructions of each stage, its FROM first."""
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = []
    for keyword, _, text in (line.partition(" ") for line in joined.splitlines() if line):
        if keyword == "FROM":
            found.append([])
        found[-1].append(Instruction(keyword, text.strip()))
    return found


def of(stage, keyword):
    """The words of each such instruction in a stage."""
    return [instruction.words for instruction in stage if instruction.keyword == keyword]


def environment():
    """The variables that the final image sets."""
    return dict(word.split("=", 1) for words in of(stages()[-1], "ENV") for word in words)


def entrypoint():
    """Return the command that the final image starts."""
    return of(stages()[-1], "ENTRYPOINT")[-1]
