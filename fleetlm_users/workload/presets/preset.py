"""One named plan from presets.yaml, as data."""

from collections.abc import Mapping

import msgspec

Scalar = str | int | float | bool


class Preset(msgspec.Struct, frozen=True):
    """A named plan of one benchmark; `source` is the file it came from.

    `users` are counts per behaviour, `duration_s` None runs until stopped, `thresholds` read `metric: rule, rule`,
    `options` are values of options by name, as they stand in the file.
    """

    benchmark: str
    name: str
    users: Mapping[str, int]
    duration_s: float | None
    description: str = ""
    ramp_up_s: float = 0.0
    warm_up_s: float = 0.0
    thresholds: tuple[str, ...] = ()
    options: Mapping[str, Scalar] = msgspec.field(default_factory=dict)
    source: str = "presets.yaml"
