"""Which of users, spawn rate and run time a person changed in the form, whose fields the page also fills in."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.options.locust_plan import parse_run_time
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.plan import Plan

ShownPlan = Mapping[str, Any]
"""num_users, spawn_rate and run_time (seconds, None: until stopped), as shown on a page."""

PlanOverrides = Mapping[str, Any]
"""num_users, spawn_rate and run_time_s, as `options_of` expects them; None if the preset decides."""

NO_OVERRIDES: Final[PlanOverrides] = {"num_users": None, "spawn_rate": None, "run_time_s": None}


def shown_of(plan: Plan) -> dict[str, Any]:
    """Return a plan in the form that a page shows."""
    run_time = max(1, round(plan.duration_s)) if plan.duration_s else None
    return {"num_users": plan.total_users, "spawn_rate": plan.spawn_rate, "run_time": run_time}


class ShownPage(msgspec.Struct, frozen=True):
    """What a page showed for a preset, and the overrides behind it."""

    preset: str
    shown: ShownPlan
    overrides: PlanOverrides


class FormOverrides:
    """Distinguishes values that a person changed from values left as they were.

    A value equal to the chosen preset's own is no override. A value that a page showed with that preset means the same
    as it did there. A value that a page showed with another preset was left unchanged, so the chosen preset or the
    command line decides; unless the page says that its fields follow the preset, in which case it was intended. A rate
    that starts the users as soon as the preset's own is no override either.
    """

    def __init__(self, command_line: PlanOverrides) -> None:
        self._command_line = command_line
        self._pages: list[ShownPage] = []

    def note(self, preset: str, shown: ShownPlan, overrides: PlanOverrides) -> None:
        """Note what a page shows from now on; pages that show other values may still be open."""
        page = ShownPage(preset, shown, overrides)
        if page not in self._pages:
            self._pages.append(page)

    def of(self, form: Mapping[str, str], preset: str, own: ShownPlan, *, fields_follow: bool) -> dict[str, Any]:
        """Return the overrides in a form; `own` is what its preset would show. Raise UsageError for a non-number.

        An empty run time means the preset's.
        """

        def override(name: str, shown_name: str, value: Any) -> Any:
            unchanged = None if fields_follow else self._command_line[name]
            if value is None:
                return unchanged
            if _same(value, own[shown_name]):
                return None
            showing = [page for page in self._pages if _same(value, page.shown[shown_name])]
            of_this_preset = [page.overrides[name] for page in showing if page.preset == preset]
            if of_this_preset:
                return of_this_preset[0]
            return unchanged if showing and not fields_follow else value

        users, rate = _read(form.get("user_count"), _users), _read(form.get("spawn_rate"), _rate)
        keeps_ramp_up = users and rate and _same(rate, own["spawn_rate"] * users / own["num_users"])
        return {
            "num_users": override("num_users", "num_users", users),
            "spawn_rate": None if keeps_ramp_up else override("spawn_rate", "spawn_rate", rate),
            "run_time_s": override("run_time_s", "run_time", _read(form.get("run_time"), _seconds)),
        }


def users_in(form: Mapping[str, str]) -> int:
    """Return the number of users in a form. Raise UsageError, also for an invalid spawn rate."""
    _read(form.get("spawn_rate"), _rate)
    return _users(form.get("user_count", ""))


def _same(value: float, shown: float | None) -> bool:
    """Return whether two values are equal; a page may have cut the digits of a rate."""
    return shown is not None and math.isclose(value, shown, rel_tol=1e-6)


def _read(text: str | None, read: Callable[[str], Any]) -> Any:
    return read(text) if text and text.strip() else None


def _users(text: str) -> int:
    try:
        users = int(text)
    except ValueError:
        users = 0
    if not 1 <= users <= VUS_PER_BLOCK:
        raise UsageError("Number of users", text, f"a whole number from 1 to {VUS_PER_BLOCK:,}", "18")
    return users


def _rate(text: str) -> float:
    try:
        return float(text)
    except ValueError as problem:
        raise UsageError("Ramp up", text, "a number of users per second above 0", "2.5") from problem


def _seconds(text: str) -> float:
    return float(parse_run_time(text, "Run time"))
