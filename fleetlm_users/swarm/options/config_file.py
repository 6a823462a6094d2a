"""Locust's configuration files (~/.locust.conf, locust.conf, pyproject.toml, --config), read without losing a line.

ConfigArgParse keeps the last of two equal keys, treats text after ` ;` as a comment, and allows lists only for options
that argparse knows as repeatable.
"""

import io
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TextIO

from configargparse import ConfigFileParser, ConfigFileParserException, DefaultConfigFileParser
from locust.argument_parser import LocustConfigParser

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.options.parsing import LISTS, as_text, clean, split_thresholds
from fleetlm_users.workload.options.specs import OptionSpec

Items = OrderedDict[str, Any]

_BYTE_ORDER_MARKS: Final = ("\ufeff", "ï»¿")
_SEMICOLON: Final = re.compile(r"\s+;")


class ConfigFile(ConfigFileParser):  # type: ignore[misc]  # no types
    """Parser of Locust's configuration files. `on_thresholds` receives the thresholds of each file that holds any.

    They are hidden from ConfigArgParse, which would drop them all as soon as a flag or variable gives another.
    """

    def __init__(self, specs: Iterable[OptionSpec], on_thresholds: Callable[[str, Sequence[str]], None]) -> None:
        super().__init__()
        self._specs = {key_of(spec): spec for spec in specs}
        self._on_thresholds = on_thresholds

    def parse(self, stream: TextIO) -> Items:
        """Return the file's items in the form that ConfigArgParse expects. Raise UsageError and
        ConfigFileParserException.
        """
        name, text = stream.name, stream.read()
        for mark in _BYTE_ORDER_MARKS:
            text = text.removeprefix(mark)
        is_toml = name.endswith(".toml")
        values = _toml(name, text) if is_toml else self._lines(name, text)
        items: Items = OrderedDict()
        for key, value in values.items():
            spec = self._specs.get(key.lstrip("-"))
            if spec is None:
                items[key] = clean(value) if isinstance(value, str) else value
            elif spec.repeatable:
                self._on_thresholds(name, split_thresholds(value))
            elif text := as_text(spec, value, f"{name}: {key}"):
                items[key] = text
        return items

    def _lines(self, name: str, text: str) -> Mapping[str, Any]:
        """Return the items of a file of lines. Raise UsageError for a key given twice, unless it is repeatable."""
        items: dict[str, tuple[str, Any]] = {}
        for number, line in enumerate(text.splitlines(), 1):
            for key, value in _line(name, number, self._guarded(line)).items():
                plain = key.lstrip("-")
                spec = self._specs.get(plain)
                before = items.get(plain)
                if before is None:
                    items[plain] = key, value
                elif spec is not None and spec.repeatable:
                    items[plain] = key, [before[1], value]
                else:
                    accepted = f"one line for it; line {number} says {value!r}"
                    raise UsageError(f"{name}: {plain}", before[1], accepted, f"{plain} = {value}")
        return dict(items.values())

    def _guarded(self, line: str) -> str:
        """Return the line without spaces before separating semicolons: a semicolon after a space begins a comment."""
        key = re.match(r"\s*-*([^:=;#\s]+)", line)
        spec = self._specs.get(key[1]) if key else None
        return _SEMICOLON.sub(";", line) if spec is not None and spec.kind in ("threshold", *LISTS) else line


def key_of(spec: OptionSpec) -> str:
    """Return an option's key in a configuration file: its flag without the dashes."""
    return spec.flag.lstrip("-")


def _line(name: str, number: int, line: str) -> Items:
    """Return the item of one line, or none for a comment. Raise ConfigFileParserException."""
    try:
        items: Items = DefaultConfigFileParser().parse([line])
    except ConfigFileParserException as problem:
        raise ConfigFileParserException(f"{name}, line {number}: not `key = value`: {line[:200]!r}") from problem
    return items


def _toml(name: str, text: str) -> Mapping[str, Any]:
    stream = io.StringIO(text)
    stream.name = name  # ConfigArgParse reads it
    items: Items = LocustConfigParser().parse(stream)
    return items
