"""YAML text to plain values, stricter than PyYAML: a key given twice is an error, and every error has its line."""

from collections.abc import Hashable
from typing import Any, Final

import yaml

from fleetlm_users.errors import UsageError

ACCEPTED: Final = "YAML"
EXAMPLE: Final = "the presets.yaml that comes with this package"


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader keeps the last of two equal keys silently: half a preset would vanish without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[tuple[str, str]] = set()
        for key, _ in node.value:
            name = (key.tag, str(key.value))
            if name in seen and isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} given twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str, source: str) -> object:
    """Return the value of a YAML text; `source` names the file. Raises UsageError that names the line."""
    try:
        return yaml.load(text, _StrictLoader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(f"{source} line {line}", error.problem or error.context, ACCEPTED, EXAMPLE) from error
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        # PyYAML lets its converters' own errors through: `2026-99-99` is a ValueError, `!!bool maybe` a KeyError
        raise UsageError(source, str(error), ACCEPTED, EXAMPLE) from error
