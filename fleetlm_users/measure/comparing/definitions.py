"""Metrics whose definition changed: an older summary holds a different figure under the same name. Pure.

Two definitions are never compared. A summary's own words (`help` of each metric) tell which one it has; a version does
not.
"""

from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from fleetlm_users.measure.report.summary.types import Summary


class Redefinition(NamedTuple):
    """A metric that used to have another definition, recognised by `marker`, which only the older words contain.

    `formerly` and `now` state the old and the new definition.
    """

    metric: str
    marker: str
    formerly: str
    now: str

    def __str__(self) -> str:
        """Return it as a sentence without a full stop."""
        return f"{self.metric} is not compared: it was {self.formerly}, and is {self.now}"


REDEFINED: Final = (
    Redefinition(
        "acknowledgement_rate",
        "(appended + rejected",
        "a share of all sends, with those that were refused or lost",
        "a share of the appended messages",
    ),
)


def redefined(one: Summary, other: Summary) -> tuple[Redefinition, ...]:
    """Return the metrics that both runs have, one of them by an older definition."""
    return tuple(
        changed
        for changed in REDEFINED
        if changed.metric in one["metrics"]
        and changed.metric in other["metrics"]
        and _is_former(one, changed) != _is_former(other, changed)
    )


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


def _is_former(summary: Summary, changed: Redefinition) -> bool:
    return changed.marker in str(summary["metrics"][changed.metric].get("help") or "")
