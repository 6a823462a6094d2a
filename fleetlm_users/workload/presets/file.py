"""Parse a presets file: a strict YAML reader, then the presets in its values.

The reader is stricter than PyYAML: it is bounded, a key given twice is an error, and errors name their line. They never
quote the text, which may be any file, named by mistake or on purpose. Mistakes in presets name file, key path, value
and accepted form.
"""

import math
import re
from collections.abc import Hashable, Iterator, Mapping
from typing import Any, Final

import msgspec
import yaml

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import Described, described, quote
from fleetlm_users.workload.arrivals.notation import parse_rates, profile_of
from fleetlm_users.workload.duration import MAX_S
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.presets.preset import Preset, Scalar
from fleetlm_users.workload.stages.notation import parse_stages, timetable_of

ACCEPTED: Final = "YAML"
EXAMPLE: Final = "the presets.yaml that comes with this package"

MAX_DEPTH: Final = 20
MAX_VALUES: Final = 10_000
"""The most values, both as written and once every alias is expanded ("billion laughs")."""

MAX_NUMBER_CHARACTERS: Final = 100
"""A number in base 60 costs the square of its length, and beyond 308 digits it fits no float."""

_TAGS: Final = "tag:yaml.org,2002:"
_SHORT: Final = frozenset(f"{_TAGS}{kind}" for kind in ("bool", "float", "int", "null", "timestamp"))
_HARMLESS: Final = re.compile(r"""'(<[a-z ]+>|\\?[^\w\s]|\\[a-z]|\\x[0-9a-f]{2}|[^\w\s]{1,3})'|"'\"""")
"""Texts that PyYAML's errors may quote: a kind of token, a sign. Anything else comes from the file: an anchor, a
tag.
"""


_LIBYAML: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Reads our own file in a tenth of the time. It does not check what `_StrictLoader` checks; wheels include it."""


class _Refused(yaml.MarkedYAMLError):
    """A refusal of ours, in our own words."""


class _StrictLoader(yaml.SafeLoader):
    """A SafeLoader that refuses duplicate keys; SafeLoader keeps the last one silently, so half a preset would
    vanish.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose as SafeLoader does, but stop when there is too much."""
        self._depth += 1
        self._values += 1
        if self._depth > MAX_DEPTH:
            raise _problem(f"more than {MAX_DEPTH} levels", self.get_mark())
        if self._values > MAX_VALUES:
            raise _problem(f"more than {MAX_VALUES:,} values", self.get_mark())
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    def compose_document(self) -> yaml.Node | None:
        """Compose as SafeLoader does; the expansion of aliases is bounded before anything is built from it."""
        node = super().compose_document()
        if node is not None:
            _expand(node, 1, {})
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Construct as PyYAML does, but as one error: it lets its converters' own through (`2026-99-99` is a
        ValueError, `!!bool maybe` a KeyError).
        """
        kind = node.tag.removeprefix(_TAGS)
        if node.tag in _SHORT and len(node.value) > MAX_NUMBER_CHARACTERS:
            raise _problem(f"more than {MAX_NUMBER_CHARACTERS} characters for a number or date", node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            raise _problem(f"a value that is not of type {kind}", node.start_mark) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Construct as SafeLoader does; a key given twice is an error."""
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    raise _problem("a key given twice", key.start_mark)
                seen.add((key.tag, key.value))
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, source: str) -> object:
    """Return the value of a YAML text; `source` names the file. Raises UsageError that names the line."""
    try:
        return yaml.load(text, _StrictLoader)  # a SafeLoader
    except _Refused as error:
        problem, mark = str(error.problem), error.problem_mark
    except yaml.MarkedYAMLError as error:
        words = _without_content(error.problem or error.context or "")
        problem, mark = f"text that is not YAML ({words})", error.problem_mark
    except yaml.reader.ReaderError as error:
        problem, mark = f"the character U+{error.character:04X}, which YAML does not allow", None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        problem, mark = f"what PyYAML cannot read ({type(error).__name__})", None
    where = source if mark is None else f"{source} line {mark.line + 1}"
    raise UsageError(where, Described(problem), ACCEPTED, EXAMPLE)


def _problem(words: str, mark: yaml.Mark) -> _Refused:
    return _Refused(None, None, words, mark)


def _expand(node: yaml.Node, level: int, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """Return how many values a node expands to, and how many levels deep; `known` holds the nodes already counted."""
    if id(node) not in known:
        known[id(node)] = None
        children = [_expand(child, level + 1, known) for child in _children(node)]
        known[id(node)] = (
            1 + sum(values for values, _ in children),
            1 + max((levels for _, levels in children), default=0),
        )
    sizes = known[id(node)]
    if sizes is None:
        raise _problem("an alias of what it is a part of", node.start_mark)
    if level + sizes[1] - 1 > MAX_DEPTH:
        raise _problem(f"more than {MAX_DEPTH} levels, by its aliases", node.start_mark)
    if sizes[0] > MAX_VALUES:
        raise _problem(f"more than {MAX_VALUES:,} values, by its aliases", node.start_mark)
    return sizes


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for pair in node.value:
            yield from pair
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _without_content(problem: str) -> str:
    """Return PyYAML's words up to the first text that they quote from the file."""
    place = 0
    while quoted := re.compile("['\"]").search(problem, place):
        harmless = _HARMLESS.match(problem, quoted.start())
        if harmless is None:
            return problem[: quoted.start()].rstrip(" :")
        place = harmless.end()
    return problem


FILE_EXAMPLE: Final = "`mixed: {light: {users: {burst: 5}, duration_s: 120}}`"
MAX_STEP: Final = 40
"""The most characters of a key that the path in an error shows."""

KEYS: Final = ("description", "users", "duration_s", "ramp_up_s", "warm_up_s", "thresholds", "options")

_LISTS: Final = ("stages", "session_rate")
"""Options that may be written as a list of texts."""

_OWN_KEYS: Final = frozenset(("users", "duration_s", "ramp_up_s", "warm_up_s", "thresholds"))
"""Keys by which a preset is recognised; the others occur in many other files."""

_IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]*")
_PRESET_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_METRIC: Final = re.compile(r"[a-z][a-z0-9_]*(\{[^{}]+\})?(\[[0-9a-z ]+\])?|server\.[^\s{}\[\]]+(\{[^{}]*\})?")


def parse_presets(text: str, source: str) -> dict[str, dict[str, Preset]]:
    """Return the presets of a file's text by benchmark and name; `source` names the file in errors.

    An empty file holds none. Raises UsageError, which quotes the file only if it holds presets: it may be any file,
    named by mistake or on purpose.
    """
    value = parse_yaml(text, source)
    if value is None or value == {}:
        return {}
    if not _is_of_presets(value):
        raise UsageError(source, described(value), "benchmarks with their presets", FILE_EXAMPLE)
    return _benchmarks(value, source)


def parse_own_presets(text: str, source: str) -> dict[str, dict[str, Preset]]:
    """Return the presets of a file of this package as `parse_presets` does for a person's file, but faster: no start
    waits for YAML.
    """
    return _benchmarks(yaml.load(text, _LIBYAML), source)


def _benchmarks(value: object, source: str) -> dict[str, dict[str, Preset]]:
    root = _Node(source, "", value)
    return {benchmark: _benchmark(node) for benchmark, node in root.children(_IDENTIFIER, "mixed")}


def preset_of(benchmark: str, value: object, source: str, name: str = "default") -> Preset:
    """Return a preset given as the mapping that would stand in a presets file. Raises UsageError."""
    return _preset(benchmark, name, _Node(source, f"{benchmark}.{name}", value))


def _is_of_presets(value: object) -> bool:
    """Return whether a preset's key occurs anywhere in the file's value where presets have it."""
    benchmarks = value.values() if isinstance(value, dict) else ()
    presets = (preset for benchmark in benchmarks if isinstance(benchmark, dict) for preset in benchmark.values())
    return any(isinstance(preset, dict) and not _OWN_KEYS.isdisjoint(preset) for preset in presets)


class _Node(msgspec.Struct, frozen=True):
    """A value of the file together with its place."""

    source: str
    path: str
    value: object

    def error(self, accepted: str, example: str) -> UsageError:
        where = f"{self.source}: {self.path}" if self.path else self.source
        return UsageError(where, self.value, accepted, example)

    def children(self, names: re.Pattern[str], example: str) -> list[tuple[str, "_Node"]]:
        """Return the entries of a mapping whose keys must match `names`."""
        if not isinstance(self.value, dict):
            raise self.error("a mapping", f"`{example}: …`")
        entries = []
        for key, value in self.value.items():
            is_plain = isinstance(key, str) and key.isprintable() and len(key) <= MAX_STEP
            step = key if is_plain else quote(key, MAX_STEP)
            path = f"{self.path}.{step}" if self.path else step
            if not isinstance(key, str) or not names.fullmatch(key):
                raise _Node(self.source, path, key).error("a key", example)
            entries.append((key, _Node(self.source, path, value)))
        return entries

    def number(self, example: str) -> float:
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
            raise self.error("a number of seconds, 0 or more", example)
        if value > MAX_S:
            raise self.error(f"at most {MAX_S:,.0f} seconds", example)
        return float(value)

    def count(self) -> int:
        value = self.value
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise self.error("a whole number of users, 0 or more", "5")
        if value > VUS_PER_BLOCK:
            raise self.error(f"at most {VUS_PER_BLOCK:,} users", "5")
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
    options = _options(_at(node, keys, "options", {}))
    preset = Preset(
        benchmark=benchmark,
        name=name,
        description=_description(_at(node, keys, "description", "")),
        users=_users(_at(node, keys, "users", None)),
        duration_s=_length_s(node, keys, options),
        ramp_up_s=_at(node, keys, "ramp_up_s", 0).number("5"),
        warm_up_s=_at(node, keys, "warm_up_s", 0).number("10"),
        thresholds=_thresholds(_at(node, keys, "thresholds", {})),
        options=options,
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


def _length_s(node: _Node, keys: Mapping[str, _Node], options: Mapping[str, Scalar]) -> float | None:
    """Return the length of the run: that of the preset's stages, unless the preset says it itself.

    Text that is not a stage has no length here; the option itself is refused when the preset runs.
    """
    if "duration_s" in keys or not options.keys() & set(_LISTS):
        return _duration_s(_required(node, keys, "duration_s"))
    try:
        if "stages" in options:
            return float(timetable_of(parse_stages(str(options["stages"]), "stages")).total_s)
        length_s = profile_of(parse_rates(str(options["session_rate"]), "session_rate")).total_s
    except UsageError:
        return None
    return length_s if math.isfinite(length_s) else _duration_s(_required(node, keys, "duration_s"))


def _duration_s(node: _Node) -> float | None:
    return None if node.value is None else node.number("120") or None


def _thresholds(node: _Node) -> tuple[str, ...]:
    return tuple(f"{metric}: {_rules(child)}" for metric, child in node.children(_METRIC, "append_latency_ms"))


def _rules(node: _Node) -> str:
    """Return the rules of one metric as one text; only measure knows what they mean."""
    if node.value is False:  # YAML's bare `off`: no default threshold of this metric
        return "off"
    rules = node.value if isinstance(node.value, list) else [node.value]
    texts = [rule.strip() for rule in rules if isinstance(rule, str)]
    if not texts or len(texts) < len(rules) or not all(texts):
        raise node.error("one text of rules or a list of them", '"p(95)<500, p(99)<1000"')
    return ", ".join(texts)


def _options(node: _Node) -> dict[str, Scalar]:
    options: dict[str, Scalar] = {}
    for name, child in node.children(_IDENTIFIER, "reply_timeout"):
        value = child.value
        if name in _LISTS and isinstance(value, list) and all(isinstance(stage, str) for stage in value):
            options[name] = ",".join(value)
            continue
        if not isinstance(value, str | int | float | bool):
            raise child.error("one value: a text, a number, true or false", "30s")
        options[name] = value
    return options


def _check_fits(preset: Preset, node: _Node) -> None:
    if preset.duration_s is None:
        return
    for key, length_s in (("warm_up_s", preset.warm_up_s), ("ramp_up_s", preset.ramp_up_s)):
        if length_s >= preset.duration_s:
            accepted = f"less than duration_s, which is {preset.duration_s:g}"
            raise _Node(node.source, f"{node.path}.{key}", length_s).error(accepted, f"{preset.duration_s / 10:g}")
