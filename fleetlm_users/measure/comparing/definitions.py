"""Metrics whose definition changed: an older summary holds a different figure under the same name. Pure.

Two definitions are never compared. A summary's own words (`help` of each metric) tell which one it has; a version does
not.
"""

import re
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from fleetlm_users.measure.metrics.metric import MAIN
from fleetlm_users.measure.report.summary.types import Summary, counter_of


class Redefinition(NamedTuple):
    """A metric whose definition has changed; `former_help` matches the whole of its former help text.

    `formerly` and `now` say what it was and is.
    """

    metric: str
    former_help: re.Pattern[str]
    formerly: str
    now: str

    def __str__(self) -> str:
        """Return it as a sentence without a full stop."""
        return f"{self.metric} is not compared: it was {self.formerly}, and is {self.now}"


REDEFINED: Final = (
    Redefinition(
        "acknowledgement_rate",
        re.compile(r".*\(appended \+ rejected.*"),
        "a share of all sends, with those that were refused or lost",
        "a share of the appended messages",
    ),
    Redefinition(
        "client_anomalies",
        re.compile(r"what the client (saw|received) and .*"),
        "all that the client did not expect",
        "that without malformed frames",
    ),
    Redefinition(
        "messages_duplicated",
        re.compile(r"(?!.*appended again).*"),
        "the broadcasts of a seq already seen",
        "those and messages that were appended again",
    ),
    Redefinition(
        "replay_changed",
        re.compile(r"(?!.*copies stored).*"),
        "the messages that came otherwise than they were sent",
        "those and copies stored under a second seq",
    ),
)


def redefined(one: Summary, other: Summary) -> tuple[Redefinition, ...]:
    """Return the metrics that both runs have, one of them by an older definition."""
    return tuple(changed for changed in REDEFINED if _is_mixed(one, other, changed))


def without(summary: Summary, metrics: Iterable[Redefinition]) -> Summary:
    """Return a summary without the figures and thresholds of some metrics."""
    names: Collection[str] = {changed.metric for changed in metrics}
    if not names:
        return summary
    return {
        **summary,
        "metrics": {name: metric for name, metric in summary["metrics"].items() if name not in names},
        "thresholds": [entry for entry in summary["thresholds"] if entry["metric"] not in names],
    }


def _is_mixed(one: Summary, other: Summary, changed: Redefinition) -> bool:
    if changed.metric not in one["metrics"] or changed.metric not in other["metrics"]:
        return False
    differs = _is_former(one, changed) != _is_former(other, changed)
    return differs and not (_is_zero(one, changed) and _is_zero(other, changed))


def _is_former(summary: Summary, changed: Redefinition) -> bool:
    said = str(summary["metrics"][changed.metric].get("help") or "")
    return bool(said) and changed.former_help.fullmatch(said) is not None


def _is_zero(summary: Summary, changed: Redefinition) -> bool:
    """Return whether a counter counted nothing, which is the same by either definition where both have nothing."""
    counter = counter_of(summary, changed.metric)
    return counter is not None and (MAIN not in counter or counter[MAIN]["all"]["count"] == 0)
