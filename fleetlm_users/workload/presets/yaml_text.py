"""YAML text to plain values, stricter than PyYAML: bounded, a key given twice is an error, and errors have their line.

No error quotes the text: it may be any file, named by mistake or on purpose.
"""

import re
from collections.abc import Hashable, Iterator
from typing import Any, Final

import yaml

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import Described

ACCEPTED: Final = "YAML"
EXAMPLE: Final = "the presets.yaml that comes with this package"

MAX_DEPTH: Final = 20
MAX_VALUES: Final = 10_000
"""As the text has them, and as they are once every alias stands for what it names ("billion laughs")."""

MAX_NUMBER_CHARACTERS: Final = 100
"""A number in base 60 costs the square of its length, and beyond 308 digits it fits no float."""

_TAGS: Final = "tag:yaml.org,2002:"
_SHORT: Final = frozenset(f"{_TAGS}{kind}" for kind in ("bool", "float", "int", "null", "timestamp"))
_HARMLESS: Final = re.compile(r"""'(<[a-z ]+>|\\?[^\w\s]|\\[a-z]|\\x[0-9a-f]{2}|[^\w\s]{1,3})'|"'\"""")
"""What PyYAML may quote: a kind of token, a sign. Anything else is the file's: an anchor, a tag."""


class _Refused(yaml.MarkedYAMLError):
    """What we refuse; its words are our own."""


class _StrictLoader(yaml.SafeLoader):
    """SafeLoader keeps the last of two equal keys silently: half a preset would vanish without a word."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0
        self._values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose as SafeLoader does, and end where there is too much of it."""
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
        """Compose as SafeLoader does; what aliases make of it is bounded before anything is built from it."""
        node = super().compose_document()
        if node is not None:
            _expand(node, 1, {})
        return node

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """PyYAML lets its converters' own errors through: `2026-99-99` is a ValueError, `!!bool maybe` a KeyError."""
        kind = node.tag.removeprefix(_TAGS)
        if node.tag in _SHORT and len(node.value) > MAX_NUMBER_CHARACTERS:
            raise _problem(f"more than {MAX_NUMBER_CHARACTERS} characters for a number or date", node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, AttributeError, TypeError) as error:
            raise _problem(f"a value that is no {kind}", node.start_mark) from error

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
        problem, mark = f"text that is no YAML ({words})", error.problem_mark
    except yaml.reader.ReaderError as error:
        problem, mark = f"the character U+{error.character:04X}, which YAML does not allow", None
    except (yaml.YAMLError, ValueError, LookupError, AttributeError, TypeError, RecursionError) as error:
        problem, mark = f"what PyYAML cannot read ({type(error).__name__})", None
    where = source if mark is None else f"{source} line {mark.line + 1}"
    raise UsageError(where, Described(problem), ACCEPTED, EXAMPLE)


def _problem(words: str, mark: yaml.Mark) -> _Refused:
    return _Refused(None, None, words, mark)


def _expand(node: yaml.Node, level: int, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """Return how many values a node stands for and how many levels they have; `known` are those looked at already."""
    if id(node) not in known:
        known[id(node)] = None
        found = [_expand(child, level + 1, known) for child in _children(node)]
        known[id(node)] = (1 + sum(values for values, _ in found), 1 + max((levels for _, levels in found), default=0))
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
    """Return PyYAML's words up to the first thing of the text that they quote."""
    place = 0
    while quoted := re.compile("['\"]").search(problem, place):
        harmless = _HARMLESS.match(problem, quoted.start())
        if harmless is None:
            return problem[: quoted.start()].rstrip(" :")
        place = harmless.end()
    return problem
