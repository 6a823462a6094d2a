"""The options that `--standin` passes on to the stand-in it starts, checked before anything is started."""

import argparse
import shlex
from typing import Any, Final, NoReturn

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import Described
from fleetlm_users.standin.options import build_parser, options_from
from fleetlm_users.standin.storage.storage_options import DATABASE_VARIABLE

LABEL: Final = "--standin-options (STANDIN_OPTIONS)"
EXAMPLE: Final = "--webhook-order node --webhook-service-ms 2.5"
RESERVED: Final = ("--host", "--port", "--exit-with-parent", "--help", "-h")
"""Options decided by the process that starts the stand-in."""


DATABASE: Final = "--database"


class NotAccepted(Exception):
    """The stand-in's parser does not accept the options; the text says why."""


class RaisingParser(argparse.ArgumentParser):
    """A parser that never ends the process."""

    def error(self, message: str) -> NoReturn:
        """Raise NotAccepted."""
        raise NotAccepted(message)


def check_embedded(like: str | None, options: str | None) -> None:
    """Refuse options that the stand-in would not start with.

    Args:
        like: The value of `--standin-like`.
        options: Further options in one text, as in a shell.

    Raises:
        UsageError: The options cannot be split, are not the stand-in's, or are decided by the process that starts it.
    """
    what: Any = options or ""
    try:
        words = shlex.split(options or "")
    except ValueError as problem:  # an unclosed quote
        raise UsageError(LABEL, what, f"options as in a shell ({problem})", EXAMPLE) from problem
    reserved = [word for word in words if word.split("=")[0] in RESERVED]
    if reserved:
        accepted = f"options of fleetlm-standin; {', '.join(RESERVED[:3])} are set by --standin itself"
        raise UsageError(LABEL, " ".join(reserved), accepted, EXAMPLE)
    if any(word.split("=")[0] == DATABASE for word in words):
        given = Described(f"the address after {DATABASE}")
        accepted = f"it in the variable {DATABASE_VARIABLE}, or in a file: reports show these options"
        raise UsageError(LABEL, given, accepted, f"{DATABASE}-file database.txt")
    try:
        options_from(build_parser(RaisingParser), [*(["--like", like] if like else []), *words])
    except NotAccepted as problem:
        raise UsageError(LABEL, what, f"options of fleetlm-standin ({problem})", EXAMPLE) from problem
