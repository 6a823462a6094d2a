"""The locustfiles of a checkout, read without importing them: a benchmark is found by its `install("name", …)`."""

import ast
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from fleetlm_users.cli.listing.declared_options import Classes, declared_options
from fleetlm_users.workload.local_file import UnreadableFile, read_text
from fleetlm_users.workload.options.specs import OptionSpec

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
