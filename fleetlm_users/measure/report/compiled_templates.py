"""Compiled templates, kept where Python keeps compiled modules: compiling the report's takes 0.05 s of CPU."""

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
"""For other users of the machine too, as the templates are."""


class CompiledTemplates(BytecodeCache):
    """Keeps what Jinja has compiled in `__pycache__` of a folder of templates, as Python does with modules.

    Where nothing may be written, or Python itself is told to write none (PYTHONDONTWRITEBYTECODE), a template is
    compiled by each process. A file of another text, Python or Jinja is not used: it says of what it was made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give Jinja the compiled template, if there is one; Jinja checks what it was made of."""
        with contextlib.suppress(OSError):
            compiled = self._path(bucket.key).read_bytes()
            try:
                bucket.bytecode_from_string(compiled)
            except Exception:  # cut off or overwritten by somebody: whatever pickle says of such bytes
                bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template that has just been compiled; another process finds all of it or nothing."""
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
