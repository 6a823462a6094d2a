"""Everything available, as plain data: `list --json` prints it, all other forms are made from it. Pure."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from fleetlm_users.measure.metrics.catalogue import Catalogue
from fleetlm_users.workload.benchmarks import BENCHMARKS, PackagedBenchmark, benchmark_options
from fleetlm_users.workload.options.model import COMMON
from fleetlm_users.workload.options.specs import OptionSpec, count_specs
from fleetlm_users.workload.presets.preset import Preset
from fleetlm_users.workload.presets.presets import Presets

Json = dict[str, Any]


def benchmarks(presets: Presets, folder: Path | None) -> list[Json]:
    """Return every benchmark with its file, what it does, its default plan, its presets and its own options.

    `folder` holds the locustfiles; None if there is none, as in an installed package.
    """
    packaged = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    names = dict.fromkeys((*presets.by_benchmark, *packaged))
    return [_benchmark(name, presets, packaged.get(name), folder) for name in names]


def all_presets(presets: Presets) -> list[Json]:
    """Return every preset of every benchmark; the first of each is its default."""
    return [
        {"benchmark": benchmark, **_plan(preset), "default": preset is next(iter(named.values()))}
        for benchmark, named in presets.by_benchmark.items()
        for preset in named.values()
    ]


def metrics(catalogue: Catalogue) -> list[Json]:
    """Return every metric: name, kind, unit, meaning, aliases, and the evidence that makes its zero believable."""
    aliases: dict[str, list[str]] = {}
    for alias, name in catalogue.aliases.items():
        aliases.setdefault(name, []).append(alias)
    return [
        {
            "name": metric.name,
            "kind": metric.kind,
            "unit": metric.unit,
            "meaning": metric.help,
            "aliases": aliases.get(metric.name, []),
            "evidence": metric.evidence,
        }
        for metric in catalogue.values()
    ]


def options(presets: Presets) -> list[Json]:
    """Return every option: the common ones, the count of each behaviour, and those of single benchmarks."""
    rows = [{**_option(spec), "benchmarks": None} for spec in COMMON]
    packaged = {benchmark.name: benchmark.behaviours for benchmark in BENCHMARKS}
    for benchmark, named in presets.by_benchmark.items():
        of_presets = (name for preset in named.values() for name in preset.users)
        behaviours = tuple(dict.fromkeys((*packaged.get(benchmark, ()), *of_presets)))
        if len(behaviours) > 1:
            rows += [{**_option(spec), "benchmarks": [benchmark]} for spec in count_specs(behaviours)]
    return rows + _own_options()


def _benchmark(name: str, presets: Presets, packaged: PackagedBenchmark | None, folder: Path | None) -> Json:
    named = presets.by_benchmark.get(name, {})
    first = next(iter(named.values()), None)
    return {
        "name": name,
        "file": str(folder / packaged.locustfile) if packaged and folder else None,
        "about": packaged.about if packaged else (first.description if first else ""),
        "default": _plan(first) if first else None,
        "presets": list(named),
        "options": [spec.flag for spec in packaged.options] if packaged else [],
        "behaviour_thresholds": packaged.thresholds if packaged else [],
    }


def _plan(preset: Preset) -> Json:
    return {
        "preset": preset.name,
        "description": preset.description,
        "users": dict(preset.users),
        "duration_s": preset.duration_s,
        "ramp_up_s": preset.ramp_up_s,
        "warm_up_s": preset.warm_up_s,
        "thresholds": list(preset.thresholds),
        "options": dict(preset.options),
    }


def _option(spec: OptionSpec) -> Json:
    return {key: value for key, value in asdict(spec).items() if key != "secret"} | {"secret": spec.secret}


def _own_options() -> list[Json]:
    """Return the options of single benchmarks; one with a different default elsewhere appears again."""
    users: dict[OptionSpec, list[str]] = {}
    for benchmark, spec in benchmark_options():
        users.setdefault(spec, []).append(benchmark)
    return [{**_option(spec), "benchmarks": names} for spec, names in users.items()]
