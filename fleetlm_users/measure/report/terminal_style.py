"""Text for a terminal: colours that can be switched off, tables that fit a width."""

import re
import textwrap
from collections.abc import Sequence
from typing import Final

import msgspec

from fleetlm_users.foreign_text import escaped

_PAINT: Final = re.compile(r"(\x1b\[[0-9;]*m)")
_CODES: Final = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Style(msgspec.Struct, frozen=True):
    """The style of a text: its width in columns, with or without colours.

    Characters that an output lacks are replaced on writing (fleetlm_users/output.py).
    """

    width: int = 100
    colour: bool = False

    def paint(self, text: str, *looks: str) -> str:
        """Return the text in colour, if there are colours; `looks` are words such as bold or red."""
        if not self.colour or not text:
            return text
        return f"\x1b[{';'.join(_CODES[look] for look in looks)}m{text}\x1b[0m"

    def finish(self, lines: Sequence[str]) -> str:
        """Return the lines as one text, without trailing blanks.

        Names and texts in them may come from a file or a server: everything that would move the cursor is escaped,
        except for the colours of `paint`.
        """
        return "\n".join("".join(map(self._safe, _PAINT.split(line.rstrip()))) for line in lines) + "\n"

    def _safe(self, part: str) -> str:
        return part if self.colour and _PAINT.fullmatch(part) else escaped(part)

    def heading(self, text: str, *names: str) -> list[str]:
        """Return a blank line and a section's name in capitals; `names` replace its `{}` unchanged, such as a URL."""
        return ["", "  " + self.paint(text.upper().format(*names), "bold", "cyan")]

    def wrapped(self, text: str, first: str, rest: str) -> list[str]:
        """Return the text, wrapped to the width."""
        return textwrap.wrap(text, self.width, initial_indent=first, subsequent_indent=rest) or [first]


class Table(msgspec.Struct, frozen=True):
    """Rows under a head: the first column left-aligned, the others right-aligned, each as wide as needed.

    The columns named in `expendable` are dropped, the first one first, until the table fits.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    expendable: tuple[str, ...] = ()
    indent: int = 4

    def lines(self, style: Style) -> list[str]:
        """Return the table's lines, the head dimmed."""
        columns = list(range(len(self.head)))
        for name in self.expendable:
            if self._width(columns) <= style.width:
                break
            columns.remove(self.head.index(name))
        widths = self._widths(columns)
        head, *rows = (self._line([row[column] for column in columns], widths) for row in (self.head, *self.rows))
        return [style.paint(head, "dim"), *rows]

    def _widths(self, columns: Sequence[int]) -> list[int]:
        return [max(len(row[column]) for row in (self.head, *self.rows)) for column in columns]

    def _width(self, columns: Sequence[int]) -> int:
        return self.indent + sum(self._widths(columns)) + 2 * (len(columns) - 1)

    def _line(self, cells: Sequence[str], widths: Sequence[int]) -> str:
        first, *rest = cells
        numbers = (f"  {cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True))
        return " " * self.indent + f"{first:<{widths[0]}}" + "".join(numbers)
