"""What one check of the doctor found, and how it is told. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

from fleetlm_users.foreign_text import printable
from fleetlm_users.measure.report.terminal import Style

Outcome = Literal["ok", "bad", "doubtful", "skipped"]

_SIGNS: Final = {"ok": "✓", "bad": "✗", "doubtful": "!", "skipped": "–"}
_LOOKS: Final = {"ok": "green", "bad": "red", "doubtful": "yellow", "skipped": "dim"}
_WHAT_WIDTH: Final = 20
MAX_DETAIL: Final = 1000


@dataclass(frozen=True)
class CheckResult:
    """One line: what was checked, how that went, and for what went wrong what to do about it."""

    outcome: Outcome
    what: str
    detail: str
    remedy: str = ""

    def lines(self, style: Style) -> list[str]:
        """Return the finding for a terminal: the first line, and as many as detail and remedy need."""
        sign = style.paint(_SIGNS[self.outcome], _LOOKS[self.outcome], *(["bold"] if self.outcome != "skipped" else []))
        detail = printable(self.detail, MAX_DETAIL)
        first, *rest = style.wrapped(detail, " " * (_WHAT_WIDTH + 4), " " * (_WHAT_WIDTH + 4))
        told = [f"  {sign} {printable(self.what):<{_WHAT_WIDTH}}{first.lstrip()}", *rest]
        if self.remedy:
            told += style.wrapped(self.remedy, f"{' ' * (_WHAT_WIDTH + 4)}→ ", " " * (_WHAT_WIDTH + 6))
        return told
