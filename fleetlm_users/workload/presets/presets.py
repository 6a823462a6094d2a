"""The presets that a run can choose from: the packaged ones, overlaid with a person's own file."""

import functools
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import msgspec

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.local_file import UnreadableFile, read_text
from fleetlm_users.workload.presets.file import parse_own_presets, parse_presets
from fleetlm_users.workload.presets.preset import Preset

__all__ = ["DEFAULT_FILE", "Preset", "Presets", "load_presets"]

DEFAULT_FILE: Final = "presets.yaml"
FILE_FLAG: Final = "--presets-file (PRESETS_FILE)"
PRESET_FLAG: Final = "--preset (PRESET)"
MAX_FILE_BYTES: Final = 256 * 1024
"""The packaged presets have 4 KB. PyYAML reads this much in less than a second."""


class Presets(msgspec.Struct, frozen=True):
    """All presets by benchmark and name, in the order of the files."""

    by_benchmark: Mapping[str, Mapping[str, Preset]]

    def of(self, benchmark: str) -> Mapping[str, Preset]:
        """Return the presets of one benchmark by name. Raises UsageError when it has none, naming those that have."""
        if benchmark not in self.by_benchmark:
            known = sorted(self.by_benchmark)
            raise UsageError("benchmark", benchmark, f"one that has presets: {', '.join(known)}", known[0])
        return self.by_benchmark[benchmark]

    def over(self, preset: Preset) -> "Presets":
        """Return these presets overlaid with one more, which becomes its benchmark's first."""
        own = {preset.name: preset, **self.by_benchmark.get(preset.benchmark, {})}
        return Presets({**self.by_benchmark, preset.benchmark: own})

    def default_name(self, benchmark: str) -> str:
        """Return the name of the preset that runs when none is asked for: the benchmark's first."""
        return next(iter(self.of(benchmark)))

    def get(self, benchmark: str, name: str) -> Preset:
        """Return one preset. Raises UsageError for an unknown name, listing the known ones."""
        known = self.of(benchmark)
        if name not in known:
            accepted = f"a preset of {benchmark}: {', '.join(known)}"
            raise UsageError(PRESET_FLAG, name, accepted, next(iter(known)))
        return known[name]


def load_presets(path: Path | None = None) -> Presets:
    """Return the packaged presets, with those of the file at `path` over them; a preset is replaced as a whole.

    Raises UsageError for a file that cannot be read or does not hold presets; it names file, key and accepted form.
    """
    merged = dict(_packaged(_packaged_text()))
    if path is not None:
        for benchmark, presets in parse_presets(_own_text(path), str(path)).items():
            merged[benchmark] = {**merged.get(benchmark, {}), **presets}
    return Presets(merged)


@functools.lru_cache(maxsize=1)  # each start asks for them three times
def _packaged(text: str) -> Mapping[str, Mapping[str, Preset]]:
    return parse_own_presets(text, DEFAULT_FILE)


def _packaged_text() -> str:
    """Return the packaged text: in a wheel the file is inside the package, in a checkout beside it, where people
    look.
    """
    package = files("fleetlm_users")
    packaged = package / DEFAULT_FILE
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return Path(str(package)).parent.joinpath(DEFAULT_FILE).read_text(encoding="utf-8")


def _own_text(path: Path) -> str:
    try:
        return read_text(path, MAX_FILE_BYTES)
    except UnreadableFile as problem:
        accepted = f"a YAML file that can be read ({problem})"
        raise UsageError(FILE_FLAG, str(path), accepted, "--presets-file my-presets.yaml") from problem
