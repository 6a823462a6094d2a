"""The notation of stages, whatever it is that they change: `30s:10,peak=2m:100`, each optionally with a name."""

import re
from typing import Final, NamedTuple

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.duration import parse_duration

MAX_STAGES: Final = 40
"""The most stages: each has distributions of its own, up to 190 kB per metric and scenario."""

MAX_TOTAL_S: Final = 7 * 86_400


class WrittenStage(NamedTuple):
    """A stage as written, in whole seconds; `amount` is the text after the colon."""

    name: str
    length_s: int
    amount: str


class StageGrammar:
    """The form of one kind of stage.

    Args:
        amount: The pattern of the text after the colon.
        form: The form in words, for errors.
        example: An example of it.
    """

    def __init__(self, amount: str, form: str, example: str) -> None:
        name = r"(?:(?P<name>[A-Za-z][A-Za-z0-9_-]{0,29})\s*=\s*)?"
        self._pattern = re.compile(rf"{name}(?P<length>[0-9.]+[0-9a-z.]*)\s*:\s*(?P<amount>{amount})")
        self._form = form
        self._example = example

    def __repr__(self) -> str:
        return f"StageGrammar({self._form!r})"

    def read(self, text: str, what: str) -> list[WrittenStage]:
        """Return the stages of a text; those without a name are `stage1`, `stage2` by their places.

        Args:
            text: Stages with commas between them.
            what: The setting that an error names.

        Raises:
            UsageError: A part is not a stage, a length is not in whole seconds, a name occurs twice, there are more
                than MAX_STAGES stages, or no time passes in them, or too much.
        """
        pieces = [piece.strip() for piece in text.split(",")]
        if len(pieces) > MAX_STAGES:
            raise UsageError(what, f"{len(pieces)} stages", f"at most {MAX_STAGES} stages", self._example)
        stages = [self.read_one(piece, number, text, what) for number, piece in enumerate(pieces, 1)]
        names = [stage.name for stage in stages]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(what, text, f"each name once; {name} comes twice", self._example)
        if not 1 <= sum(stage.length_s for stage in stages) <= MAX_TOTAL_S:
            raise UsageError(what, text, "stages of 1 s to a week in all", self._example)
        return stages

    def read_one(self, piece: str, number: int, text: str, what: str) -> WrittenStage:
        """Return the stage in the `number`-th piece of the text. Raises UsageError."""
        match = self._pattern.fullmatch(piece)
        if match is None:
            raise UsageError(what, text, self._form, self._example)
        length_s = parse_duration(match["length"], what)
        if length_s != int(length_s):
            raise UsageError(what, text, "lengths of whole seconds", self._example)
        return WrittenStage(match["name"] or f"stage{number}", int(length_s), match["amount"])
