"""The size of a load: the workers, machines, ports, memory and network that it needs, with the arithmetic shown."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from fleetlm_users.cli.plan.costs import (
    BROADCAST_BYTES,
    FRAME_OVERHEAD_BYTES,
    HEARTBEAT_BYTES,
    HEARTBEAT_S,
    KERNEL_KIB_PER_SOCKET,
    LATE,
    LATE_ANSWER_BYTES,
    LATE_CHUNK_BYTES,
    LATE_PUSH_BYTES,
    LATE_REPLY_BYTES,
    MASTER_CEILING,
    REPORT_S,
    SEND_BYTES,
    Costs,
    Demand,
    Machines,
)
from fleetlm_users.errors import UsageError
from fleetlm_users.units import US_PER_S
from fleetlm_users.workload.open_files import SPARE_FILES, files_for_users, files_for_workers, rest_connections

KIB_PER_GIB: Final = 1024.0**2
MIB_PER_GIB: Final = 1024.0
MBIT: Final = 1e6 / 8
KERNEL_CORES: Final = 1  # on each machine, for packets and interrupts
FRAMES_PER_APPEND: Final = 3  # send, own broadcast, one answer: the frames for which cpu_per_append_us was measured


class SizingStep(NamedTuple):
    """One line of arithmetic: `shown` is the calculation, `value` its result."""

    section: str
    name: str
    shown: str
    value: float
    unit: str


@dataclass(frozen=True)
class LoadSizing:
    """The needs of a load. Each of the `steps` follows from those before it; `warnings` are sentences."""

    demand: Demand
    workers: int
    machines: int
    sessions_per_machine: int
    sessions_per_worker: int
    source_addresses: int
    master_share: float
    steps: tuple[SizingStep, ...]
    warnings: tuple[str, ...]


def size_load(demand: Demand, costs: Costs, machines: Machines) -> LoadSizing:
    """Return the needs of the load at these costs on such machines. Raises UsageError if they could not hold one
    worker.
    """
    rates = _Rates.of(demand)
    load, cores = _cpu(demand, rates, costs)
    workers, worker_steps = _workers(demand, cores, costs, machines)
    machine_count, machine_steps = _machines(demand, workers, costs, machines)
    per_machine = _whole(demand.sessions / machine_count)
    addresses = _whole(per_machine / (machines.ports * machines.targets))
    share = workers / REPORT_S * costs.master_us_per_report / US_PER_S
    steps = (
        *load,
        *worker_steps,
        *machine_steps,
        *_sockets(demand, per_machine, addresses, workers, machines),
        *_network(demand, rates, machine_count),
        *_master(workers, share, costs),
    )
    return LoadSizing(
        demand=demand,
        workers=workers,
        machines=machine_count,
        sessions_per_machine=per_machine,
        sessions_per_worker=_whole(demand.sessions / workers),
        source_addresses=addresses,
        master_share=share,
        steps=steps,
        warnings=tuple(_warnings(workers, share, addresses)),
    )


class _Rates(NamedTuple):
    messages: float
    frames: float
    heartbeats: float
    joins: float

    @classmethod
    def of(cls, demand: Demand) -> "_Rates":
        messages = demand.sessions * demand.rate_per_s
        joins = demand.session_rate_per_s or demand.sessions / demand.ramp_s
        return cls(messages, messages * (1 + _received(demand)), demand.sessions / HEARTBEAT_S, joins)


def _received(demand: Demand) -> int:
    """Return the number of frames received for a message."""
    if demand.protocol == LATE:  # its reply, its two pushes, and for each answer the pieces before it
        return 3 + demand.replies * (demand.chunks + 1)
    return 1 + demand.replies


def _received_bytes(demand: Demand) -> int:
    """Return the bytes of these frames; an answer's pieces hold its text as well."""
    text = demand.message_bytes
    if demand.protocol == LATE:
        pieces = demand.chunks * LATE_CHUNK_BYTES + (text if demand.chunks else 0)
        return LATE_REPLY_BYTES + 2 * (LATE_PUSH_BYTES + text) + demand.replies * (LATE_ANSWER_BYTES + text + pieces)
    return (1 + demand.replies) * (BROADCAST_BYTES + text)


def _cpu(demand: Demand, rates: _Rates, costs: Costs) -> tuple[list[SizingStep], float]:
    """Return the rates of the load as steps, and the cores that they take."""
    frame_us = costs.cpu_per_append_us / FRAMES_PER_APPEND
    further = _received(demand) - (1 + demand.replies)
    per_message_us = frame_us * (2 + demand.replies) + further * costs.cpu_per_further_frame_us
    messages = rates.messages * per_message_us / US_PER_S
    beats = rates.heartbeats * costs.cpu_per_heartbeat_us / US_PER_S
    joins = rates.joins * costs.cpu_per_open_us / US_PER_S
    arrive, arriving = f"{demand.session_rate_per_s:g} sessions/s", demand.session_rate_per_s > 0
    opened = "sessions that arrive" if arriving else "joins in the ramp"
    shown = arrive if arriving else f"{_n(demand.sessions)} ÷ {_n(demand.ramp_s)} s"
    at_once = SizingStep("load", "sessions at once", f"{arrive} × {demand.stay_s:g} s", demand.sessions, "")
    steps = [
        *([at_once] if arriving else []),
        SizingStep(
            "load", "messages", f"{_n(demand.sessions)} sessions × {demand.rate_per_s:g}/s", rates.messages, "/s"
        ),
        SizingStep(
            "load", "frames", f"{_n(rates.messages)} × (1 sent + {_received(demand)} received)", rates.frames, "/s"
        ),
        SizingStep("load", "heartbeats", f"{_n(demand.sessions)} ÷ {HEARTBEAT_S:g} s", rates.heartbeats, "/s"),
        SizingStep("load", opened, shown, rates.joins, "/s"),
        SizingStep("cpu", "messages", f"{_n(rates.messages)}/s × {per_message_us:.4g} µs", messages, "cores"),
        SizingStep(
            "cpu", "heartbeats", f"{_n(rates.heartbeats)}/s × {costs.cpu_per_heartbeat_us:g} µs", beats, "cores"
        ),
        SizingStep("cpu", opened, f"{_n(rates.joins)}/s × {costs.cpu_per_open_us:g} µs", joins, "cores"),
    ]
    return steps, messages + beats + joins


def _workers(demand: Demand, cores: float, costs: Costs, machines: Machines) -> tuple[int, list[SizingStep]]:
    share = 1 - machines.headroom
    by_cpu = _whole(cores / share)
    by_sessions = _whole(demand.sessions / costs.sessions_per_worker)
    workers = max(by_cpu, by_sessions, 1)
    shown = f"{_n(demand.sessions)} ÷ {_n(costs.sessions_per_worker)} sessions in a process"
    return workers, [
        SizingStep("workers", "by CPU", f"{cores:.3g} cores ÷ {share:.0%} of a core each", by_cpu, ""),
        SizingStep("workers", "by sessions", shown, by_sessions, ""),
        SizingStep("workers", "workers", "the larger", workers, ""),
    ]


def _machines(demand: Demand, workers: int, costs: Costs, machines: Machines) -> tuple[int, list[SizingStep]]:
    usable = machines.cores - KERNEL_CORES
    if usable < 1:
        raise UsageError("--cores-per-machine", machines.cores, "2 or more: the kernel needs one, a worker one", "8")
    session_gib = (costs.memory_per_session_kib + KERNEL_KIB_PER_SOCKET) / KIB_PER_GIB
    memory_gib = workers * costs.memory_per_worker_mib / MIB_PER_GIB + demand.sessions * session_gib
    room_gib = machines.memory_gib * (1 - machines.headroom)
    by_cores, by_memory = _whole(workers / usable), _whole(memory_gib / room_gib)
    machine_count = max(by_cores, by_memory)
    processes = f"{_n(workers)} workers × {costs.memory_per_worker_mib:g} MiB"
    sessions = f"{_n(demand.sessions)} × ({costs.memory_per_session_kib:g} + {KERNEL_KIB_PER_SOCKET:g} kernel) KiB"
    return machine_count, [
        SizingStep("machines", "memory", f"{processes} + {sessions}", memory_gib, "GiB"),
        SizingStep("machines", "by memory", f"{memory_gib:.3g} GiB ÷ {room_gib:.3g} GiB each", by_memory, ""),
        SizingStep(
            "machines", "by cores", f"{_n(workers)} ÷ ({machines.cores} − {KERNEL_CORES} for the kernel)", by_cores, ""
        ),
        SizingStep("machines", "machines", "the larger", machine_count, ""),
        SizingStep(
            "machines", "workers on each", f"{_n(workers)} ÷ {_n(machine_count)}", _whole(workers / machine_count), ""
        ),
    ]


def _sockets(demand: Demand, per_machine: int, addresses: int, workers: int, machines: Machines) -> list[SizingStep]:
    per_process = _whole(demand.sessions / workers)
    files = f"{_n(per_process)} + {_n(rest_connections(per_process))} REST + {SPARE_FILES}"
    room = f"{_n(machines.ports)} ports" + (f" × {machines.targets} targets" if machines.targets > 1 else "")
    return [
        SizingStep("sockets", "connections of a machine", "sessions ÷ machines", per_machine, ""),
        SizingStep("sockets", "source addresses of a machine", f"{_n(per_machine)} ÷ {room}", addresses, ""),
        SizingStep("sockets", "open files of a process", files, files_for_users(per_process), ""),
    ]


def _network(demand: Demand, rates: _Rates, machine_count: int) -> list[SizingStep]:
    """Yield the bits on the wire: each frame is a packet of its own, with an ACK on its way back."""
    received = _received(demand)
    send = SEND_BYTES + demand.message_bytes + FRAME_OVERHEAD_BYTES
    got_bytes = _received_bytes(demand) + received * FRAME_OVERHEAD_BYTES
    beat, answer = (size + FRAME_OVERHEAD_BYTES for size in HEARTBEAT_BYTES)
    out = (rates.messages * (send + received * FRAME_OVERHEAD_BYTES) + rates.heartbeats * beat) / MBIT
    into = (rates.messages * (got_bytes + FRAME_OVERHEAD_BYTES) + rates.heartbeats * answer) / MBIT
    sent = f"{_n(rates.messages)}/s × ({send} + {received} ACKs × {FRAME_OVERHEAD_BYTES}) B"
    frames = f"{received} frames of {_n(got_bytes / received)}"
    got = f"{_n(rates.messages)}/s × ({frames} + ACK {FRAME_OVERHEAD_BYTES}) B"
    return [
        SizingStep("network", "to the server", f"{sent} + {_n(rates.heartbeats)}/s × {beat} B", out, "Mbit/s"),
        SizingStep("network", "from the server", f"{got} + {_n(rates.heartbeats)}/s × {answer} B", into, "Mbit/s"),
        SizingStep(
            "network", "of each machine, inwards", f"{into:.4g} ÷ {_n(machine_count)}", into / machine_count, "Mbit/s"
        ),
    ]


def _master(workers: int, share: float, costs: Costs) -> list[SizingStep]:
    reports = workers / REPORT_S
    most = math.floor(MASTER_CEILING * REPORT_S * US_PER_S / costs.master_us_per_report)
    bandwidth = reports * costs.bytes_per_report / MBIT
    return [
        SizingStep("master", "reports", f"{_n(workers)} ÷ {REPORT_S:g} s", reports, "/s"),
        SizingStep("master", "cpu", f"{reports:.3g}/s × {costs.master_us_per_report:g} µs", share * 100, "% of a core"),
        SizingStep("master", "network", f"{reports:.3g}/s × {_n(costs.bytes_per_report)} B", bandwidth, "Mbit/s"),
        SizingStep("master", "workers of one master", f"at most, at {MASTER_CEILING:.0%} of a core", most, ""),
        SizingStep("master", "open files", f"{_n(workers)} + {SPARE_FILES}", files_for_workers(workers), ""),
    ]


def _warnings(workers: int, share: float, addresses: int) -> Iterator[str]:
    if share > MASTER_CEILING:
        yield (
            f"{_n(workers)} workers would take {share:.0%} of a core on one master: run several masters, each with "
            "workers and a --run-id of its own"
        )
    if addresses > 1:
        yield f"each machine needs {addresses} local addresses, given with --source-ips, or the server more addresses"


def _whole(value: float) -> int:
    """Round up to a whole number, ignoring floating-point noise."""
    return math.ceil(round(value, 6))


def _n(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
