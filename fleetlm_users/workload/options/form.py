"""The web UI's start form as data: which options it holds, under which headings and names, in which order."""

import typing
from collections.abc import Sequence
from typing import Final

import msgspec

from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.options.specs import OptionSpec, Section
from fleetlm_users.workload.presets.preset import Preset

SECTIONS: Final[tuple[Section, ...]] = typing.get_args(Section)
"""In this order; what people need most comes first."""


class FormField(msgspec.Struct, frozen=True):
    """One field. `title` is its name on the page and in what the page sends: Locust's page shows no other."""

    spec: OptionSpec
    title: str


def fields_of(specs: Sequence[OptionSpec]) -> tuple[FormField, ...]:
    """Return the form's fields in the order in which it shows them."""
    fields: dict[str, FormField] = {}
    for spec in specs:
        if spec.in_form:
            # a benchmark's own option may have the title of another
            title = f"{spec.title}: {spec.flag}" if spec.title in fields else spec.title
            fields[title] = FormField(spec, title)
    return tuple(sorted(fields.values(), key=lambda field: SECTIONS.index(field.spec.section)))


def preset_label(preset: Preset) -> str:
    """Return what a preset runs, in a line: `light: 10 long-lived, 5 burst, 3 churn · 2 min`.

    Where sessions arrive at a rate it is that: `visits: 10 sessions/s · 2 min`.
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
