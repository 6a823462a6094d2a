"""The fate of every push and awaited event of users of any Phoenix application, as tables of the report.

They are made from the summary's counters; the total must equal the sum over the fates.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from fleetlm_users.measure import formatting
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.metrics.phoenix import EVENT_FATES, PUSH_FATES
from fleetlm_users.measure.report.summary.types import Summary, counter_of

ALL: Final = "all"
SENT: Final = "pushes_sent"

Table = tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]


class Book(NamedTuple):
    """A kind of event, the word for all of it, and its fates: `pushes_sent` is the sum of `pushes_replied`, …"""

    what: str
    word: str
    fates: tuple[str, ...]

    @property
    def title(self) -> str:
        """The equation that must hold."""
        return f"{self.what}: {self.word} = " + " + ".join(fate.replace("_", " ") for fate in self.fates)


BOOKS: Final = (Book("pushes", "sent", PUSH_FATES), Book("events", "awaited", EVENT_FATES))


def sent_of(summary: Summary) -> tuple[str, ...]:
    """Return what a run sent: messages, pushes, or both."""
    return tuple(summary["run"].get("sends", ["messages"]))


def is_of_pushes(summary: Summary) -> bool:
    """Return whether a run had users of Phoenix applications, and none that sent a message to FleetLM."""
    return "messages" not in sent_of(summary)


def sent_in_words(summary: Summary) -> str:
    """Return how much was sent after the warm-up, as "1,200 messages and 300 pushes"; if nothing was, the sessions."""
    parts = {
        "messages": (summary["accounting"][MAIN]["all"]["sent"], "message", "messages"),
        "pushes": (_count(summary, SENT, MAIN, ALL), "push", "pushes"),
    }
    kinds = sent_of(summary)
    sessions = (_count(summary, "sessions_started", MAIN, ALL), "session", "sessions")
    shown = [parts[what] for what in kinds if parts[what][0]] or [sessions if sessions[0] else parts[kinds[0]]]
    return " and ".join(f"{formatting.count(n)} {one if n == 1 else many}" for n, one, many in shown)


def book_tables(summary: Summary) -> Iterator[tuple[str, Table]]:
    """Yield the equation and table of pushes and of awaited events, if there were any or nothing else was sent."""
    for book in BOOKS:
        whole = f"{book.what}_{book.word}"
        is_needed = whole == SENT and is_of_pushes(summary)
        if is_needed or any(_count(summary, whole, phase, ALL) for phase in (MAIN, WARM_UP)):
            yield book.title, _rows(summary, book)


def _rows(summary: Summary, book: Book) -> Table:
    """Return the fates: by scenario, altogether, and of the warm-up; the last column says whether they add up.

    Pushes that lost workers left open are unknown, and have a column if there are any.
    """
    whole = f"{book.what}_{book.word}"
    scenarios = _scenarios(summary, whole)
    kinds = [(name, MAIN, name) for name in scenarios] if len(scenarios) > 1 else []
    kinds.append((ALL, MAIN, ALL))
    if _count(summary, whole, WARM_UP, ALL):
        kinds.append(("warm-up", WARM_UP, ALL))
    counted: dict[str, list[int]] = {}
    for label, phase, scenario in kinds:
        count = _count(summary, whole, phase, scenario)
        fates = [_count(summary, f"{book.what}_{fate}", phase, scenario) for fate in book.fates]
        counted[label] = [count, *fates, count - sum(fates)]
    is_incomplete = bool(summary.get("workers_lost"))
    shown = None if any(unknown for *_, unknown in counted.values()) else -1
    rows = []
    for label, counts in counted.items():
        adds_up = not counts[-1] or (is_incomplete and counts[-1] > 0)
        rows.append((label, *map(formatting.count, counts[:shown]), "✓" if adds_up else "✗"))
    head = [book.word, *(fate.replace("_", " ") for fate in book.fates), "unknown"]
    return ("", *head[:shown], "adds up"), tuple(rows)


def _scenarios(summary: Summary, whole: str) -> list[str]:
    counter = counter_of(summary, whole)
    return list(counter[MAIN]["scenarios"]) if counter is not None and MAIN in counter else []


def _count(summary: Summary, name: str, phase: str, scenario: str) -> int:
    """Return a count of a phase, for one scenario or for all; 0 if nothing was counted."""
    counter = counter_of(summary, name)
    figures = None if counter is None else counter.get(phase)
    if not isinstance(figures, dict):
        return 0
    entry = figures["all"] if scenario == ALL else figures["scenarios"].get(scenario)
    return int(entry["count"]) if entry else 0
