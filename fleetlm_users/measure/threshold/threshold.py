"""One bound on a metric, or on a figure of the server."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from fleetlm_users.measure.metrics.metric import SKEWED_PARTS
from fleetlm_users.measure.server.series import PREFIX

OFF: Final = "off"
"""Written in place of conditions, it drops the default thresholds of the metric and sets none."""

OPERATORS: Final[dict[str, Callable[[float, float], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}

Origin = Literal["", "given", "preset", "behaviour", "audit"]
"""Who set a threshold: a person for this run, its preset, a behaviour's defaults or an audit's; "" is unknown."""

Key = tuple[str, str | None, int | None, str | None]


@dataclass(frozen=True, slots=True)
class Threshold:
    """One threshold. `metric` is the catalogue's name, `shown` the name that was written, possibly an alias.

    `unit` is that of `bound` and of the measured value: ms, fraction, count, 1/s (a counter's rate), or the gauge's
    own. `window_s` is the length of the windows, every one of which must keep it; None for the whole main phase.
    `stage` is the stage of the run that it covers, or the part of its sessions; None for the whole main phase. `metric`
    may also be a figure of the server, `server.memory_bytes`, whose growth is per hour: bytes/h. `written` is the bound
    as a person wrote it, with its unit: `20MiB/h`; empty for a bare number. `origin` says who set it, and does not
    change its meaning.
    """

    metric: str
    shown: str
    scenario: str | None
    aggregation: str
    percent: float | None
    operator: str
    bound: float
    unit: str
    window_s: int | None = None
    written: str = ""
    stage: str | None = None
    origin: Origin = field(default="", compare=False)

    @property
    def key(self) -> Key:
        """The key by which a given threshold replaces a default one."""
        return self.metric, self.scenario, self.window_s, self.stage

    @property
    def is_of_server(self) -> bool:
        """Whether it bounds a figure of the server, which no worker measures."""
        return self.metric.startswith(PREFIX)

    @property
    def is_off(self) -> bool:
        """Whether it only drops default thresholds."""
        return self.aggregation == OFF

    @property
    def subject(self) -> str:
        """The metric, scenario and window as written."""
        places = [f"scenario:{self.scenario}"] if self.scenario else []
        if self.stage:
            places.append(self.stage if self.stage in SKEWED_PARTS else f"stage:{self.stage}")
        return (
            self.shown
            + (f"{{{','.join(places)}}}" if places else "")
            + (f"[{self.window_s}s]" if self.window_s is not None else "")
        )

    @property
    def condition(self) -> str:
        """The condition, such as `p(95)<500`."""
        if self.is_off:
            return OFF
        percent = f"({self.percent:.15g})" if self.percent is not None else ""
        return f"{self.aggregation}{percent}{self.operator}{self.written or format(self.bound, '.15g')}"

    def is_kept_by(self, measured: float) -> bool:
        """Return whether a value, in the unit of the bound, keeps the threshold."""
        return OPERATORS[self.operator](measured, self.bound)

    def __str__(self) -> str:
        return f"{self.subject}: {self.condition}"
