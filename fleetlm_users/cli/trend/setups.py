"""The conditions for comparing runs: the same benchmark, the same options, the same kind of machine. Pure.

A setting that one of two runs lacks, because its version is older, does not separate them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from fleetlm_users.cli.trend.history import PastRun
from fleetlm_users.measure.comparing.comparison import NOT_COMPARED, SERVER
from fleetlm_users.measure.report.summary.types import Summary

PLAN: Final = (
    *("users", "duration_s", "ramp_up_s", "warm_up_s", "shape", "edits", "resets"),
    *("stages", "session_rate", "arrivals", "mix"),
)
MACHINE: Final = ("cpu", "cores", "machine", "system")  # plus memory; most CI systems give every job a new host name
_GIB: Final = 1 << 30
# settings that affect neither the load nor its measurement
_BESIDE: Final = (
    *NOT_COMPARED,
    *("junit", "markdown", "cleanup", "debug", "presets_file", "participant_prefix", "agent_id", "insecure"),
    *("abort_on_fail", "abort_grace_s", "lateness_limit_s", "on_worker_lost", "worker_timeout_s"),
    *("server_metrics", "server_pid", "source_ips"),
)


@dataclass
class Setup:
    """Runs of one set-up, oldest first. `settings` are those of the newest run, and any that only older runs have.

    `decides` says whether its benchmark's newest run belongs to it: older set-ups are shown but decide nothing.
    """

    benchmark: str
    settings: dict[str, Any]
    runs: list[PastRun] = field(default_factory=list)
    decides: bool = False

    @property
    def newest(self) -> PastRun:
        """The newest run."""
        return self.runs[-1]


def setups_of(runs: Iterable[PastRun], ignored: Collection[str] = ()) -> list[Setup]:
    """Return the runs, given oldest first, by set-up, the newest run's set-up first; `ignored` settings may differ."""
    setups: list[Setup] = []
    for run in runs:
        settings = {name: value for name, value in settings_of(run.file.summary).items() if name not in ignored}
        setup = next((one for one in setups if _is_same(one, run, settings)), None)
        if setup is None:
            setup = Setup(run.file.benchmark, {})
        else:
            setups.remove(setup)
        setup.settings |= settings
        setup.runs.append(run)
        setups.insert(0, setup)
    benchmarks: set[str] = set()
    for setup in setups:
        setup.decides = setup.benchmark not in benchmarks
        benchmarks.add(setup.benchmark)
    return setups


def differences(setup: Setup, other: Setup) -> Iterator[tuple[str, Any, Any]]:
    """Yield each setting that separates a set-up from another of its benchmark: its name and both values."""
    for name, value in setup.settings.items():
        if name in other.settings and other.settings[name] != value:
            yield name, value, other.settings[name]


def settings_of(summary: Summary) -> dict[str, Any]:
    """Return the settings that make a run comparable, by name."""
    options, plan, host = summary["options"], summary["plan"], summary.get("host") or {}
    hidden = {*_BESIDE, *(SERVER if options.get("standin") else ())}
    memory = host.get("memory_bytes")
    return {
        **{name: plan[name] for name in PLAN if name in plan},
        **{name: value for name, value in options.items() if name not in hidden},
        **(options.get("extra") or {}),
        **{name: host[name] for name in MACHINE if name in host},
        **({"memory_gib": round(memory / _GIB)} if isinstance(memory, int) else {}),
        "workers": len(summary.get("workers") or ()),
    }


def _is_same(setup: Setup, run: PastRun, settings: Mapping[str, Any]) -> bool:
    if setup.benchmark != run.file.benchmark:
        return False
    return all(setup.settings[name] == value for name, value in settings.items() if name in setup.settings)
