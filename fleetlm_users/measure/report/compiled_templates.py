"""Compiled templates, cached where Python caches compiled modules: compiling the report's takes 0.05 s of CPU."""

import contextlib
import os
import sys
import tempfile
from importlib.util import cache_from_source
from pathlib import Path
from typing import Final

from jinja2 import BytecodeCache
from jinja2.bccache import Bucket

SUFFIX: Final = ".jinja"
READABLE: Final = 0o644
"""Readable for the machine's other users, as the templates are."""


class CompiledTemplates(BytecodeCache):
    """A cache of compiled Jinja templates in `__pycache__` of their folder, as Python does with modules.

    If nothing may be written there, or Python must not write any (PYTHONDONTWRITEBYTECODE), each process compiles the
    template. A file names its source text, Python and Jinja, and is not used with others.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give Jinja the compiled template, if there is one; Jinja checks what it was compiled from."""
        with contextlib.suppress(OSError):
            compiled = self._path(bucket.key).read_bytes()
            try:
                bucket.bytecode_from_string(compiled)
            except Exception:  # truncated or overwritten: whatever pickle raises for such bytes
                bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Store a template just compiled; other processes find all of it or nothing."""
        if sys.dont_write_bytecode:
            return
        path = self._path(bucket.key)
        with contextlib.suppress(OSError):
            path.parent.mkdir(exist_ok=True)
            with tempfile.NamedTemporaryFile("wb", dir=path.parent, delete=False) as file:
                try:
                    file.write(bucket.bytecode_to_string())
                    os.fchmod(file.fileno(), READABLE)
                    Path(file.name).replace(path)
                except OSError:
                    Path(file.name).unlink()

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Return the name of the template: a folder holds each once."""
        del filename
        return name

    def _path(self, name: str) -> Path:
        return Path(cache_from_source(str(self._folder / name))).with_suffix(SUFFIX)
