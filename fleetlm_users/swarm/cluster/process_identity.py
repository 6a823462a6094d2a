"""Which process on which machine: a process beside it can know for certain that it has ended."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from fleetlm_users.shape import Check, record, text, whole

BOOT = Path("/proc/sys/kernel/random/boot_id")
PID_NAMESPACE = Path("/proc/self/ns/pid")
STATE, STARTED = 0, 19
"""Where state and start (in ticks since the boot, so no wall clock) are behind a stat line's `)`: proc(5)."""

ORIGIN: Final[Check] = record({"machine": text(300), "pid": whole(1, 2**31 - 1), "started": text(30)})
"""What another process says of itself, before `visible_process` looks for it."""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process: `machine` names the boot and the namespace in which its `pid` means something; `started` its start."""

    machine: str
    pid: int
    started: str

    def to_wire(self) -> dict[str, Any]:
        """As msgpack carries it."""
        return asdict(self)

    @property
    def is_gone(self) -> bool:
        """Whether the process has ended; True only when that is certain."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # another user's: it lives
        found = _stat(self.pid)
        return found is not None and (found[STATE] in "ZX" or found[STARTED] != self.started)


def own_identity() -> ProcessIdentity | None:
    """The process that asks; None on a system that does not tell (no Linux)."""
    found, machine = _stat(os.getpid()), _machine()
    return ProcessIdentity(machine, os.getpid(), found[STARTED]) if found and machine else None


def visible_process(told: Mapping[str, Any] | None) -> ProcessIdentity | None:
    """The process that another one said it is (ORIGIN), if it is seen from here; None for one on another machine.

    Machines that were copied while they ran may have the same names, so it must be seen, alive, to be believed.
    """
    if not told or told["machine"] != _machine():
        return None
    found = _stat(told["pid"])
    if found is None or found[STARTED] != told["started"]:
        return None
    return ProcessIdentity(told["machine"], told["pid"], told["started"])


def _machine() -> str:
    try:
        return f"{BOOT.read_text(encoding='ascii').strip()} {PID_NAMESPACE.readlink()}"
    except OSError:
        return ""


def _stat(pid: int) -> list[str] | None:
    try:
        # a name between the parentheses may be of any bytes
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
