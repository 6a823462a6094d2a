"""`fleetlm-bench plan`: size a load, showing the arithmetic."""

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from typing import Any, Final, TypeVar

import click

from fleetlm_users.cli.plan.costs import EARLY, LATE, Costs, Demand, Machines
from fleetlm_users.cli.plan.kernel import generator_settings, server_settings
from fleetlm_users.cli.plan.sizing import LoadSizing, size_load
from fleetlm_users.cli.plan.text import plan_text
from fleetlm_users.cli.terminal import style
from fleetlm_users.errors import UsageError
from fleetlm_users.workload.options.parsing import parse_value
from fleetlm_users.workload.options.specs import Kind, OptionSpec, option

Command = TypeVar("Command", bound=Callable[..., Any])
Part = TypeVar("Part", Demand, Costs, Machines)


RATE: Final = "session_rate_per_s"
STAY: Final = "stay_s"
_EXAMPLES: Final = {"sessions": "1000000", "rate_per_s": "0.033", RATE: "20", STAY: "30s"}


def _spec(name: str, flag: str, default: object, kind: Kind, text: str) -> OptionSpec:
    example = "" if default != "" else _EXAMPLES[name]
    return option(name, flag=flag, env="", default=str(default), help=text, kind=kind, example=example)


SPECS: Final = (
    _spec("sessions", "--sessions", "", "count", "sessions joined at the same time"),
    _spec("rate_per_s", "--rate", "", "number", "messages per second of each session; 0.033 is one every 30 s"),
    _spec(RATE, "--session-rate", "", "positive", "sessions that arrive per second, in place of --sessions"),
    _spec(STAY, "--stay", "", "timeout", "how long each of those stays, such as 30s"),
    _spec("replies", "--replies", Demand.replies, "whole", "the agent's answers to a message"),
    _spec("message_bytes", "--message-bytes", Demand.message_bytes, "whole", "the text of a message"),
    option(
        "protocol",
        flag="--protocol",
        env="",
        default=EARLY,
        choices=(EARLY, LATE),
        example=LATE,
        help="FleetLM's chat protocol: early or late (docs/protocols.md)",
    ),
    _spec(
        "chunks",
        "--chunks",
        Demand.chunks,
        "whole",
        "late protocol: pieces in which an answer is pushed before the whole",
    ),
    _spec("ramp_s", "--ramp-up", "10m", "timeout", "how long the sessions take to join"),
    _spec("cores", "--cores-per-machine", Machines.cores, "count", "cores of a machine with workers"),
    _spec("memory_gib", "--memory-per-machine-gib", Machines.memory_gib, "positive", "memory of such a machine, GiB"),
    _spec("headroom", "--headroom", Machines.headroom, "number", "share of each core and of the memory left free"),
    _spec("ports", "--ports", Machines.ports, "count", "local ports per source address (ip_local_port_range)"),
    _spec("targets", "--targets", Machines.targets, "count", "addresses and ports of the server"),
    _spec("cpu_per_append_us", "--cpu-per-append-us", Costs.cpu_per_append_us, "positive", "CPU of a message, µs"),
    _spec(
        "cpu_per_further_frame_us",
        "--cpu-per-further-frame-us",
        Costs.cpu_per_further_frame_us,
        "number",
        "CPU of a frame that only the late protocol sends, µs",
    ),
    _spec("cpu_per_open_us", "--cpu-per-open-us", Costs.cpu_per_open_us, "positive", "CPU to open a session, µs"),
    _spec(
        "cpu_per_heartbeat_us", "--cpu-per-heartbeat-us", Costs.cpu_per_heartbeat_us, "number", "CPU of a heartbeat, µs"
    ),
    _spec(
        "memory_per_session_kib",
        "--memory-per-session-kib",
        Costs.memory_per_session_kib,
        "positive",
        "memory of an idle joined session, KiB",
    ),
    _spec(
        "memory_per_worker_mib",
        "--memory-per-worker-mib",
        Costs.memory_per_worker_mib,
        "positive",
        "memory of a worker without sessions, MiB",
    ),
    _spec(
        "sessions_per_worker", "--sessions-per-worker", Costs.sessions_per_worker, "count", "most sessions of a process"
    ),
    _spec(
        "master_us_per_report",
        "--master-us-per-report",
        Costs.master_us_per_report,
        "positive",
        "CPU of the master for a worker's report, µs",
    ),
    _spec("bytes_per_report", "--bytes-per-report", Costs.bytes_per_report, "count", "size of a worker's report"),
)


def _options(command: Command) -> Command:
    for spec in reversed(SPECS):
        note = f"{spec.help[0].upper()}{spec.help[1:]}." + (f" [default: {spec.default}]" if spec.default else "")
        command = click.option(spec.flag, spec.name, default=spec.default, metavar="N", help=note)(command)
    return command


@click.command("plan", short_help="Calculate what a load needs: workers, machines, ports, kernel settings.")
@_options
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def plan(as_json: bool, **given: str) -> None:
    """Calculate what a load needs from the cost of a session and a message, and show the arithmetic.

    The default costs are those measured in docs/scaling.md. Measure your own machines, and pass their costs.

    \b
    Examples:
      fleetlm-bench plan --sessions 1000000 --rate 0.033
      fleetlm-bench plan --sessions 20000 --rate 1 --cores-per-machine 4
      fleetlm-bench plan --sessions 5000 --rate 0.2 --replies 0 --json
      fleetlm-bench plan --sessions 5000 --rate 0.2 --protocol late --chunks 50
      fleetlm-bench plan --session-rate 20 --stay 30s --rate 0.2
    """  # noqa: D301  # \b is what click looks for
    values = {spec.name: _value(spec, text) for spec, text in _asked(given)}
    if RATE in values:
        values |= _at_once(values[RATE], values[STAY])
    sizing = size_load(_part(Demand, values), _part(Costs, values), _part(Machines, values))
    click.echo(json.dumps(_as_json(sizing), indent=2) if as_json else plan_text(sizing, style()), nl=as_json)


def _asked(given: dict[str, str]) -> Iterator[tuple[OptionSpec, str]]:
    """Yield the required settings with their values: sessions, or a rate of them and how long each stays."""
    arrive = bool(given[RATE].strip() or given[STAY].strip())
    if arrive and given["sessions"].strip():
        accepted = "either --sessions, or --session-rate with --stay"
        raise UsageError("--sessions", given["sessions"], accepted, "--session-rate 20 --stay 30s")
    left_out = ("sessions",) if arrive else (RATE, STAY)
    yield from ((spec, given[spec.name]) for spec in SPECS if spec.name not in left_out)


def _at_once(rate_per_s: float, stay_s: float) -> dict[str, int]:
    """Return how many sessions there are at once, by Little's law: at least one, and at most the limit of
    --sessions.
    """
    spec = next(spec for spec in SPECS if spec.name == "sessions")
    return {"sessions": _value(spec, str(max(1, math.ceil(rate_per_s * stay_s))))}


def _value(spec: OptionSpec, text: str) -> Any:
    if not text.strip():
        raise UsageError(spec.flag, text, spec.help, spec.example)
    value = parse_value(spec, text, spec.flag)
    if spec.name == "headroom" and not 0 <= value < 1:
        raise UsageError(spec.flag, text, "a share from 0 to below 1", spec.example)
    return value


def _part(kind: type[Part], values: dict[str, Any]) -> Part:
    return kind(**{field.name: values[field.name] for field in fields(kind) if field.name in values})


def _as_json(sizing: LoadSizing) -> dict[str, Any]:
    document = asdict(sizing)
    document["steps"] = [step._asdict() for step in sizing.steps]
    kernel = {"generator": generator_settings(sizing), "server": server_settings(sizing)}
    document["sysctl"] = {where: {line.name: line.value for line in lines} for where, lines in kernel.items()}
    return document
