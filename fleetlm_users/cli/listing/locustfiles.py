"""The locustfiles of a checkout, read without importing them: a benchmark is found by its `install("name", …)`.

The options that a benchmark declares, read from the source of its locustfile and behaviours: importing these would
import Locust. Understood is what they are written in: names of workload/options/benchmark_specs.py, `replace` of
one, and the
options of another class; a test compares with what Locust itself is given.
"""

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Final

from fleetlm_users.workload.local_file import UnreadableFile, read_text
from fleetlm_users.workload.options import benchmark_specs
from fleetlm_users.workload.options import capacity as capacity_options
from fleetlm_users.workload.options.specs import OptionSpec

OWN: Final[Mapping[str, OptionSpec]] = {
    name: spec for name, spec in vars(benchmark_specs).items() if isinstance(spec, OptionSpec)
}
GROUPS: Final[Mapping[str, Sequence[OptionSpec]]] = {"CAPACITY_OPTIONS": capacity_options.CAPACITY_OPTIONS}
"""Options that are declared together, by the name of their tuple."""

ATTRIBUTE: Final = "options"


@dataclass(frozen=True)
class Classes:
    """Classes by name, as source."""

    found: Mapping[str, ast.ClassDef] = field(default_factory=dict)

    @classmethod
    def of_users(cls) -> "Classes":
        """Return the classes of fleetlm_users/users."""
        folder = Path(str(files("fleetlm_users"))) / "users"
        return cls().with_tree(*(ast.parse(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("*.py"))))

    def with_tree(self, *trees: ast.Module) -> "Classes":
        """Return these classes with those of further sources."""
        more = {node.name: node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ClassDef)}
        return Classes({**self.found, **more})

    def options_of(self, name: str) -> list[OptionSpec]:
        """Return what a class declares, or else what the first of its bases does that declares any."""
        node = self.found.get(name)
        if node is None:
            return []
        value = next((value for value in map(_assigned, node.body) if value is not None), None)
        if value is not None:
            return self.read(value)
        bases = (self.options_of(base.id) for base in node.bases if isinstance(base, ast.Name))
        return next((options for options in bases if options), [])

    def read(self, node: ast.expr) -> list[OptionSpec]:
        """Return the options in a tuple or list; what is not understood is left out."""
        if isinstance(node, ast.Name):
            return list(GROUPS.get(node.id, ()))
        items = node.elts if isinstance(node, ast.Tuple | ast.List) else []
        return [spec for item in items for spec in self._item(item)]

    def _item(self, item: ast.expr) -> list[OptionSpec]:
        match item:
            case ast.Name(id=name) if name in OWN:
                return [OWN[name]]
            case ast.Starred(value=ast.Attribute(value=ast.Name(id=name), attr="options")):
                return self.options_of(name)
            case ast.Call(func=ast.Name(id="replace"), args=[ast.Name(id=name)], keywords=changes) if name in OWN:
                constants = {change.arg: change.value for change in changes if change.arg}
                return [replace(OWN[name], **{key: ast.literal_eval(value) for key, value in constants.items()})]
            case _:
                return []


def declared_options(tree: ast.Module, install: ast.Call, users: Classes) -> tuple[OptionSpec, ...]:
    """Return the options of the benchmark that a locustfile installs: its behaviours', then its own; each once."""
    classes = users.with_tree(tree)
    behaviours = install.args[1] if len(install.args) > 1 else _keyword(install, "behaviours")
    named = behaviours.elts if isinstance(behaviours, ast.List | ast.Tuple) else []
    found = [spec for item in named if isinstance(item, ast.Name) for spec in classes.options_of(item.id)]
    own = _keyword(install, ATTRIBUTE)
    return tuple(_each_once([*found, *(classes.read(own) if own is not None else [])]))


def _assigned(node: ast.stmt) -> ast.expr | None:
    """Return what a line of a class body assigns to `options`."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign):
        targets = [node.target]
    is_it = any(isinstance(target, ast.Name) and target.id == ATTRIBUTE for target in targets)
    return node.value if is_it and isinstance(node, ast.Assign | ast.AnnAssign) else None


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _each_once(specs: Iterable[OptionSpec]) -> Iterator[OptionSpec]:
    """Yield each name's first, as `install` does."""
    seen: dict[str, OptionSpec] = {}
    for spec in specs:
        seen.setdefault(spec.name, spec)
    yield from seen.values()


FOLDER: Final = "locustfiles"
INSTALL: Final = "install"
MAX_BYTES: Final = 1024 * 1024


@dataclass(frozen=True)
class Locustfile:
    """One file: the benchmark that it installs, its docstring's first sentence, and the benchmark's own options."""

    path: Path
    benchmark: str
    about: str
    options: tuple[OptionSpec, ...] = ()


def find_locustfiles(folder: Path | None = None) -> dict[str, Locustfile]:
    """Return the locustfiles by benchmark: of `folder`, else of ./locustfiles, else of those beside the package."""
    folders = [folder] if folder else [Path(FOLDER), Path(str(files("fleetlm_users"))).parent / FOLDER]
    place = next((candidate for candidate in folders if candidate.is_dir()), None)
    users = Classes.of_users()
    found = [read_locustfile(path, users) for path in sorted(place.glob("*.py"))] if place else []
    return {item.benchmark: item for item in found if item is not None}


def read_locustfile(path: Path, users: Classes) -> Locustfile | None:
    """Return what a file installs; None when it is no Python, or installs nothing. `users` are the known behaviours."""
    try:
        tree = ast.parse(read_text(path, MAX_BYTES))
    except (UnreadableFile, ValueError, SyntaxError, RecursionError, MemoryError):  # the last two: nested too deep
        return None
    calls = ((call, name) for call in ast.walk(tree) if isinstance(call, ast.Call) and (name := _installed(call)))
    for call, benchmark in calls:
        about = _first_sentence(ast.get_docstring(tree) or "")
        return Locustfile(path, benchmark, about, declared_options(tree, call, users))
    return None


def _installed(call: ast.Call) -> str:
    """Return the text that a call of `install` is given first."""
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    first = call.args[0] if call.args else None
    if name == INSTALL and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    return ""


def _first_sentence(docstring: str) -> str:
    """Return the first paragraph on one line, up to its first full stop."""
    paragraph = " ".join(docstring.partition("\n\n")[0].split())
    return paragraph.partition(". ")[0].rstrip(".")
