"""The web UI's start form as data: its options, their headings, names and order."""

import typing
from collections.abc import Sequence
from typing import Final

import msgspec

from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.options.specs import OptionSpec, Section
from fleetlm_users.workload.presets.preset import Preset

SECTIONS: Final[tuple[Section, ...]] = typing.get_args(Section)
"""The sections in their order; the most needed come first."""


class FormField(msgspec.Struct, frozen=True):
    """One field. `title` is its name both on the page and in the data the page sends: Locust's page shows no other."""

    spec: OptionSpec
    title: str


def fields_of(specs: Sequence[OptionSpec]) -> tuple[FormField, ...]:
    """Return the form's fields in the order in which they are shown."""
    fields: dict[str, FormField] = {}
    for spec in specs:
        if spec.in_form:
            # a benchmark's own option may share its title with another
            title = f"{spec.title}: {spec.flag}" if spec.title in fields else spec.title
            fields[title] = FormField(spec, title)
    return tuple(sorted(fields.values(), key=lambda field: SECTIONS.index(field.spec.section)))


def preset_label(preset: Preset) -> str:
    """Return one line about what a preset runs: `light: 10 long-lived, 5 burst, 3 churn · 2 min`.

    If sessions arrive at a rate, it states the rate: `visits: 10 sessions/s · 2 min`.
    """
    users = ", ".join(f"{count} {name.replace('_', '-')}" for name, count in preset.users.items() if count)
    rate = preset.options.get("session_rate")
    load = users if rate is None else f"{rate} sessions/s"
    return f"{preset.name}: {load} · {_length(preset.duration_s)}"


def _length(duration_s: float | None) -> str:
    if not duration_s:
        return "no time limit"
    minutes, seconds = divmod(duration_s, 60)
    return f"{minutes:.0f} min" if not seconds else format_duration(duration_s)
