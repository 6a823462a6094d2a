"""The load to size for, and the measured costs of a session, a message and a worker.

docs/scaling.md says how each was measured. If a cost depends on the machine, measure it on yours and pass it to
`fleetlm-bench plan`.
"""

from dataclasses import dataclass
from typing import Final

EARLY: Final = "early"
LATE: Final = "late"

FRAME_OVERHEAD_BYTES: Final = 66  # Ethernet 14, IPv4 20, TCP 32 with timestamps; an ACK without data is as long
SEND_BYTES: Final = 157  # a `send` without its text: the wire record's frame, our client_ref, a masked WebSocket header
BROADCAST_BYTES: Final = 310  # a `message` broadcast without its text, from the wire record, WebSocket header included
HEARTBEAT_BYTES: Final = (45, 66)  # heartbeat and its reply, from the wire record
HEARTBEAT_S: Final = 30.0  # Phoenix's own interval, the default of --heartbeat-interval
REPORT_S: Final = 3.0  # Locust's interval between two reports of a worker (runners.py: WORKER_REPORT_INTERVAL)
KERNEL_KIB_PER_SOCKET: Final = 5.0  # growth of Slab in /proc/meminfo per TCP socket in epoll, Linux 6.18: 4.7
MASTER_CEILING: Final = 0.5  # as a share of a core; beyond it the master answers late


# the same for the late protocol, each without its text and with its header of 2 or 4 bytes (late wire record)
LATE_REPLY_BYTES: Final = 93  # to a `send`
LATE_PUSH_BYTES: Final = 285  # of a message; it is pushed twice
LATE_ANSWER_BYTES: Final = 410  # an agent's answer as a message
LATE_CHUNK_BYTES: Final = 136  # a piece of it, pushed before


@dataclass(frozen=True)
class Demand:
    """The load to size for. `rate_per_s` applies to one session; `replies` is the number of agent answers to one
    message.

    In the late protocol the server pushes each answer in `chunks` pieces before the whole message. If sessions arrive
    at `session_rate_per_s` and stay `stay_s` each, Little's law gives their number.
    """

    sessions: int
    rate_per_s: float
    replies: int = 1
    message_bytes: int = 64
    ramp_s: float = 600.0
    protocol: str = EARLY
    chunks: int = 4
    session_rate_per_s: float = 0.0
    stay_s: float = 0.0


@dataclass(frozen=True)
class Costs:
    """CPU in µs of one core, user and system together, of the whole process.

    `cpu_per_append_us`: a send, its own broadcast and one agent's answer, with all statistics, in a process with few of
    them per second. There each one wakes the process: 10,000 sessions with a message every 30 s took 0.11 of a core,
    2,000 with one every 5 s 0.067, one alone 0.003, while heartbeats were sent one by one. In a process with 5,000
    messages a second one costs 68 µs (benchmarks, append-cpu). `cpu_per_further_frame_us`: each further frame of a
    message in the late protocol: the reply to its send, its second push, the pieces of answers. They arrive together
    with others, so they are cheap. `cpu_per_heartbeat_us`: a heartbeat and its reply (benchmarks, idle-cpu).
    `cpu_per_open_us`: create, connect and join a session, leave and close it (benchmarks, opening).
    `memory_per_session_kib`: growth of RSS per joined session that writes now and then; 18 if it never does.
    `memory_per_worker_mib`: RSS of a worker without sessions. `sessions_per_worker`: the most that were held in one
    process with a quiet event loop. `master_us_per_report`, `bytes_per_report`: one worker's report every 3 s and its
    heartbeats, on the master, with 200 workers ten minutes into a run (benchmarks/parts/master_scale.py).
    """

    cpu_per_append_us: float = 130.0
    cpu_per_further_frame_us: float = 8.0
    cpu_per_open_us: float = 1306.0
    cpu_per_heartbeat_us: float = 30.0
    memory_per_session_kib: float = 23.0
    memory_per_worker_mib: float = 75.0
    sessions_per_worker: int = 10_000
    master_us_per_report: float = 2300.0
    bytes_per_report: int = 37_500


@dataclass(frozen=True)
class Machines:
    """The machines available for workers.

    `headroom` is the share of each core that workers leave free: a generator near its limit is late, and a late
    generator measures itself. One core of each machine is left to the kernel, which handles packets outside of any
    process. `ports` are the local ports of one source address; `targets` the addresses and ports under which the server
    answers.
    """

    cores: int = 8
    memory_gib: float = 32.0
    headroom: float = 0.5
    ports: int = 28_232  # 32768 to 60999, the default of net.ipv4.ip_local_port_range
    targets: int = 1
