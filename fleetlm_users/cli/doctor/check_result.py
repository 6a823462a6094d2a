"""The result of one check of the doctor, and its lines for a terminal. Pure."""

from dataclasses import dataclass
from typing import Final, Literal

from fleetlm_users.foreign_text import printable
from fleetlm_users.measure.report.terminal_style import Style

Outcome = Literal["ok", "bad", "doubtful", "skipped"]

_SIGNS: Final = {"ok": "✓", "bad": "✗", "doubtful": "!", "skipped": "–"}
_LOOKS: Final = {"ok": "green", "bad": "red", "doubtful": "yellow", "skipped": "dim"}
_WHAT_WIDTH: Final = 20
MAX_DETAIL: Final = 1000


@dataclass(frozen=True)
class CheckResult:
    """What was checked, the result, and the remedy if it failed."""

    outcome: Outcome
    what: str
    detail: str
    remedy: str = ""

    def lines(self, style: Style) -> list[str]:
        """Return the lines for a terminal: the first one, and as many more as detail and remedy need."""
        sign = style.paint(_SIGNS[self.outcome], _LOOKS[self.outcome], *(["bold"] if self.outcome != "skipped" else []))
        detail = printable(self.detail, MAX_DETAIL)
        first, *rest = style.wrapped(detail, " " * (_WHAT_WIDTH + 4), " " * (_WHAT_WIDTH + 4))
        lines = [f"  {sign} {printable(self.what):<{_WHAT_WIDTH}}{first.lstrip()}", *rest]
        if self.remedy:
            lines += style.wrapped(self.remedy, f"{' ' * (_WHAT_WIDTH + 4)}→ ", " " * (_WHAT_WIDTH + 6))
        return lines
