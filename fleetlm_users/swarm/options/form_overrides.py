"""What a person wants of users, spawn rate and run time, read from fields that also show what a page put into them."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from locust.util.timespan import parse_timespan

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.plan import Plan

Shown = Mapping[str, Any]
"""num_users, spawn_rate and run_time (seconds, None until stopped), as a page shows them."""

Asked = Mapping[str, Any]
"""num_users, spawn_rate and run_time_s, as `options_of` wants them; None where the preset is to decide."""

NOTHING_ASKED: Final[Asked] = {"num_users": None, "spawn_rate": None, "run_time_s": None}


def shown_of(plan: Plan) -> dict[str, Any]:
    """What a page shows of a plan."""
    run_time = max(1, round(plan.duration_s)) if plan.duration_s else None
    return {"num_users": plan.total_users, "spawn_rate": plan.spawn_rate, "run_time": run_time}


@dataclass(frozen=True, slots=True)
class Page:
    """What a page showed with a preset, and what had been asked for that."""

    preset: str
    shown: Shown
    asked: Asked


class Wishes:
    """Tells a person's wish from what was only left standing.

    A value that is the chosen preset's own is no wish. One that a page showed with that preset means what it meant
    there. One that a page showed with another preset was left standing, and the chosen preset decides, or the command
    line; unless the page says that its fields follow the preset, for then it was meant. A rate that has the users run
    as soon as the preset's own is no wish either.
    """

    def __init__(self, command_line: Asked) -> None:
        self._command_line = command_line
        self._pages: list[Page] = []

    def note(self, preset: str, shown: Shown, asked: Asked) -> None:
        """A page shows this from now on; pages that showed something else may still be open."""
        page = Page(preset, shown, asked)
        if page not in self._pages:
            self._pages.append(page)

    def of(self, form: Mapping[str, str], preset: str, own: Shown, *, fields_follow: bool) -> dict[str, Any]:
        """The wishes of a form; `own` is what its preset would show by itself. Raises UsageError for what is no number.

        An empty run time is the preset's.
        """

        def wish(name: str, shown_name: str, value: Any) -> Any:
            unsaid = None if fields_follow else self._command_line[name]
            if value is None:
                return unsaid
            if _same(value, own[shown_name]):
                return None
            showing = [page for page in self._pages if _same(value, page.shown[shown_name])]
            meant = [page.asked[name] for page in showing if page.preset == preset]
            if meant:
                return meant[0]
            return unsaid if showing and not fields_follow else value

        users, rate = _read(form.get("user_count"), _users), _read(form.get("spawn_rate"), _rate)
        keeps_ramp_up = users and rate and _same(rate, own["spawn_rate"] * users / own["num_users"])
        return {
            "num_users": wish("num_users", "num_users", users),
            "spawn_rate": None if keeps_ramp_up else wish("spawn_rate", "spawn_rate", rate),
            "run_time_s": wish("run_time_s", "run_time", _read(form.get("run_time"), _seconds)),
        }


def users_in(form: Mapping[str, str]) -> int:
    """The number of users in a form. Raises UsageError, for a spawn rate that is none as well."""
    _read(form.get("spawn_rate"), _rate)
    return _users(form.get("user_count", ""))


def _same(value: float, shown: float | None) -> bool:
    """A page may have cut the digits of a rate."""
    return shown is not None and math.isclose(value, shown, rel_tol=1e-6)


def _read(text: str | None, read: Callable[[str], Any]) -> Any:
    return read(text) if text and text.strip() else None


def _users(text: str) -> int:
    try:
        return int(text)
    except ValueError as problem:
        raise UsageError("Number of users", text, "a whole number, 1 or more", "18") from problem


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError as problem:
        raise UsageError("Ramp up", text, "a number of users per second above 0", "2.5") from problem


def _seconds(text: str) -> float:
    try:
        return float(parse_timespan(text))
    except ValueError as problem:
        raise UsageError("Run time", text, "a duration", "2m") from problem
