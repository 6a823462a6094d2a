"""The text of a presets file to presets; every mistake is told with its file, key path, value and accepted form."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import described, quote
from fleetlm_users.workload.presets.preset import Preset, Scalar
from fleetlm_users.workload.presets.yaml_text import parse_yaml

FILE_EXAMPLE: Final = "`mixed: {light: {users: {burst: 5}, duration_s: 120}}`"
MAX_STEP: Final = 40
"""How much of a key the path in an error shows, in characters."""

KEYS: Final = ("description", "users", "duration_s", "ramp_up_s", "warm_up_s", "thresholds", "options")

_OWN_KEYS: Final = frozenset(("users", "duration_s", "ramp_up_s", "warm_up_s", "thresholds"))
"""Keys of a preset by which it is known; others stand in many a file."""

_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]*")
_PRESET_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_METRIC: Final = re.compile(r"[a-z][a-z0-9_]*(\{[^{}]+\})?")


def parse_presets(text: str, source: str) -> dict[str, dict[str, Preset]]:
    """Return the presets of a file's text by benchmark and name; `source` names the file in errors.

    An empty file holds none. Raises UsageError, which quotes what stands in the file only where it is of presets: it
    may be any file, named by mistake or on purpose.
    """
    value = parse_yaml(text, source)
    if value is None or value == {}:
        return {}
    if not _is_of_presets(value):
        raise UsageError(source, described(value), "benchmarks with their presets", FILE_EXAMPLE)
    root = _Node(source, "", value)
    return {benchmark: _benchmark(node) for benchmark, node in root.children(_IDENTIFIER, "mixed")}


def preset_of(benchmark: str, value: object, source: str, name: str = "default") -> Preset:
    """Return a preset given as the mapping that would stand in a presets file. Raises UsageError."""
    return _preset(benchmark, name, _Node(source, f"{benchmark}.{name}", value))


def _is_of_presets(value: object) -> bool:
    """Return whether somewhere in a file's value a key of a preset stands where presets have it."""
    benchmarks = value.values() if isinstance(value, dict) else ()
    presets = (preset for benchmark in benchmarks if isinstance(benchmark, dict) for preset in benchmark.values())
    return any(isinstance(preset, dict) and not _OWN_KEYS.isdisjoint(preset) for preset in presets)


@dataclass(frozen=True)
class _Node:
    """A value of the file together with where it stands."""

    source: str
    path: str
    value: object

    def error(self, accepted: str, example: str) -> UsageError:
        where = f"{self.source}: {self.path}" if self.path else self.source
        return UsageError(where, self.value, accepted, example)

    def children(self, names: re.Pattern[str], example: str) -> list[tuple[str, "_Node"]]:
        """Return the entries of a mapping whose keys must look like `names`."""
        if not isinstance(self.value, dict):
            raise self.error("a mapping", f"`{example}: …`")
        entries = []
        for key, value in self.value.items():
            is_plain = isinstance(key, str) and key.isprintable() and len(key) <= MAX_STEP
            step = key if is_plain else quote(key, MAX_STEP)
            path = f"{self.path}.{step}" if self.path else step
            if not isinstance(key, str) or not names.fullmatch(key):
                raise _Node(self.source, path, key).error("a key such as the example", example)
            entries.append((key, _Node(self.source, path, value)))
        return entries

    def number(self, example: str) -> float:
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise self.error("a number of seconds, 0 or more", example)
        return float(value)

    def count(self) -> int:
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.error("a whole number of users, 0 or more", "5")
        return value


def _benchmark(node: _Node) -> dict[str, Preset]:
    presets = {name: _preset(node.path, name, child) for name, child in node.children(_PRESET_NAME, "light")}
    if not presets:
        raise node.error("at least one preset", "`light: {users: {burst: 5}, duration_s: 120}`")
    return presets


def _preset(benchmark: str, name: str, node: _Node) -> Preset:
    keys = dict(node.children(re.compile(".*", re.DOTALL), "users"))
    for key, child in keys.items():
        if key not in KEYS:
            raise _Node(node.source, child.path, key).error(f"one of the keys {', '.join(KEYS)}", "users")
    preset = Preset(
        benchmark=benchmark,
        name=name,
        description=_description(_at(node, keys, "description", "")),
        users=_users(_at(node, keys, "users", None)),
        duration_s=_duration_s(_required(node, keys, "duration_s")),
        ramp_up_s=_at(node, keys, "ramp_up_s", 0).number("5"),
        warm_up_s=_at(node, keys, "warm_up_s", 0).number("10"),
        thresholds=_thresholds(_at(node, keys, "thresholds", {})),
        options=_options(_at(node, keys, "options", {})),
        source=node.source,
    )
    _check_fits(preset, node)
    return preset


def _at(node: _Node, keys: Mapping[str, _Node], key: str, default: object) -> _Node:
    return keys.get(key) or _Node(node.source, f"{node.path}.{key}", default)


def _required(node: _Node, keys: Mapping[str, _Node], key: str) -> _Node:
    if key not in keys:
        accepted = f"a preset with the key {key} (null for a run until stopped)"
        raise _Node(node.source, node.path, f"only {', '.join(keys)}").error(accepted, f"`{key}: 120`")
    return keys[key]


def _description(node: _Node) -> str:
    if not isinstance(node.value, str):
        raise node.error("a text", "what this preset is for")
    return node.value


def _users(node: _Node) -> dict[str, int]:
    users = {name: child.count() for name, child in node.children(_IDENTIFIER, "long_lived")}
    if not any(users.values()):
        raise node.error("at least one user of one behaviour", "{long_lived: 10, burst: 5}")
    return users


def _duration_s(node: _Node) -> float | None:
    return None if node.value is None else node.number("120") or None


def _thresholds(node: _Node) -> tuple[str, ...]:
    return tuple(f"{metric}: {_rules(child)}" for metric, child in node.children(_METRIC, "append_latency_ms"))


def _rules(node: _Node) -> str:
    """Return the rules of one metric as one text; what they mean is measure's affair, not ours."""
    rules = node.value if isinstance(node.value, list) else [node.value]
    texts = [rule.strip() for rule in rules if isinstance(rule, str)]
    if not texts or len(texts) < len(rules) or not all(texts):
        raise node.error("one text of rules or a list of them", '"p(95)<500, p(99)<1000"')
    return ", ".join(texts)


def _options(node: _Node) -> dict[str, Scalar]:
    options: dict[str, Scalar] = {}
    for name, child in node.children(_IDENTIFIER, "reply_timeout"):
        if not isinstance(child.value, str | int | float | bool):
            raise child.error("one value: a text, a number, true or false", "30s")
        options[name] = child.value
    return options


def _check_fits(preset: Preset, node: _Node) -> None:
    if preset.duration_s is None:
        return
    for key, length_s in (("warm_up_s", preset.warm_up_s), ("ramp_up_s", preset.ramp_up_s)):
        if length_s >= preset.duration_s:
            accepted = f"less than duration_s, which is {preset.duration_s:g}"
            raise _Node(node.source, f"{node.path}.{key}", length_s).error(accepted, f"{preset.duration_s / 10:g}")
