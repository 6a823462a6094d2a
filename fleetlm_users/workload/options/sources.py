"""Where an option's value comes from: the parser, the host, the preset or the default, in this order."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.options.parsing import is_blank, parse_value
from fleetlm_users.workload.options.specs import OptionSpec
from fleetlm_users.workload.presets.preset import Preset


@dataclass(frozen=True)
class OptionSource:
    """Gives typed values of options by name.

    `raw` are the parser's values, flag, environment and conf folded; one equal to its default counts as unset, unless
    its name is in `given`. `derived` are values that another flag stands for.
    """

    specs: Mapping[str, OptionSpec]
    raw: Mapping[str, object]
    given: Collection[str] = ()
    derived: Mapping[str, str] = field(default_factory=dict)
    preset: Preset | None = None

    def take(self, name: str) -> Any:
        """Return an option's typed value; None when nobody has set it and it has no default. Raises UsageError."""
        spec = self.specs[name]
        value = self.raw.get(name)
        if self._is_set(spec, value):
            return parse_value(spec, value, spec.label)
        if name in self.derived:
            return self.derived[name]
        if self.preset is not None and name in self.preset.options:
            return parse_value(spec, self.preset.options[name], _key(self.preset, name))
        return None if spec.default == "" else parse_value(spec, spec.default, spec.label)

    def _is_set(self, spec: OptionSpec, value: object) -> bool:
        if is_blank(value):
            return False
        trimmed = value.strip() if isinstance(value, str) else value
        return spec.name in self.given or trimmed != spec.default


def check_preset(preset: Preset, specs: Mapping[str, OptionSpec], behaviours: Sequence[str]) -> None:
    """Raise UsageError when a preset names a behaviour or an option that its benchmark does not have."""
    for behaviour in preset.users:
        if behaviour not in behaviours:
            where = f"{preset.source}: {preset.benchmark}.{preset.name}.users"
            raise UsageError(
                where, behaviour, f"a behaviour of {preset.benchmark}: {', '.join(behaviours)}", behaviours[0]
            )
    allowed = sorted(name for name, spec in specs.items() if spec.in_preset)
    for name in preset.options:
        if name not in allowed:
            raise UsageError(_key(preset, name), name, f"an option that presets may set: {', '.join(allowed)}", "seed")


def _key(preset: Preset, name: str) -> str:
    return f"{preset.source}: {preset.benchmark}.{preset.name}.options.{name}"
