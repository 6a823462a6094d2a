"""The sources of the server's own figures: endpoints and processes, each with a name of its own."""

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.urls import check_http_url

MAX_SOURCES: Final = 50
MOST_PID: Final = 1 << 22
"""The highest process id on Linux (proc(5), pid_max)."""

_NAMED: Final = re.compile(r"([^=/\s]*)\s*=\s*(.*)")
_NAME: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38}[A-Za-z0-9])?")
_PID: Final = re.compile(r"[1-9][0-9]{0,7}")


class Source(NamedTuple):
    """A source: its name, and its URL or process id."""

    name: str
    place: str


def source_of(text: str) -> Source:
    """Return the source of a text that `parse_endpoints` or `parse_processes` returned."""
    name, _, place = text.partition("=")
    return Source(name, place)


def parse_endpoints(text: str, what: str, example: str) -> tuple[str, ...]:
    """Return `name=URL` for each part of a text such as `http://a/metrics, api=http://b/metrics`.

    A source without a name is named after its host and port. Raises UsageError for an invalid URL, name or list.
    """
    return _parsed(text, what, example, lambda part: check_http_url(part, what, example), _name_of_url)


def parse_processes(text: str, what: str, example: str) -> tuple[str, ...]:
    """Return `name=pid` for each part of a text such as `12, db=34`; one without a name is `pid-12`.

    Raises UsageError for an invalid process id, name or list.
    """

    def check(part: str) -> str:
        if not _PID.fullmatch(part) or int(part) > MOST_PID:
            raise UsageError(what, text, "process ids, separated by commas; each may have a name: db=34", example)
        return part

    return _parsed(text, what, example, check, lambda pid: f"pid-{pid}")


def check_distinct(endpoints: Sequence[str], processes: Sequence[str]) -> tuple[str, ...]:
    """Return the names of all sources. Raises UsageError if two sources share a name."""
    names = [source_of(text).name for text in (*endpoints, *processes)]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        accepted = "sources of different names"
        raise UsageError("--server-metrics and --server-pid", twice, accepted, f"--server-pid other-{twice}=12345")
    return tuple(names)


def _parsed(
    text: str, what: str, example: str, check: Callable[[str], str], name_of: Callable[[str], str]
) -> tuple[str, ...]:
    sources: dict[str, str] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        named = _NAMED.fullmatch(part)
        place = check(named[2].strip() if named else part)
        name = named[1] if named else name_of(place)
        if not _NAME.fullmatch(name):
            accepted = "a name of up to 40 letters, digits, hyphens and underscores before the ="
            raise UsageError(what, part, accepted, f"api={example}")
        if sources.setdefault(name, place) != place:
            raise UsageError(what, text, "a name of its own for each source", f"other-{name}={place}")
    if not sources or len(sources) > MAX_SOURCES:
        raise UsageError(what, text, f"1 to {MAX_SOURCES} sources, separated by commas", example)
    return tuple(f"{name}={place}" for name, place in sources.items())


def _name_of_url(url: str) -> str:
    place = url.partition("://")[2].partition("/")[0]
    return re.sub(r"[^A-Za-z0-9]+", "-", place).strip("-")[:40].strip("-") or "server"
