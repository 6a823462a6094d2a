"""The identity of a process on its machine, by which another process there can be certain that it has ended."""

import os
from pathlib import Path
from typing import Final

import msgspec

from fleetlm_users.shape import Check, record, text, whole

BOOT = Path("/proc/sys/kernel/random/boot_id")
PID_NAMESPACE = Path("/proc/self/ns/pid")
STATE, STARTED = 0, 19
"""Fields of a stat line after its `)`, see proc(5): state and start, in ticks since the boot, so no wall clock."""

IDENTITY_SHAPE: Final[Check] = record({"machine": text(300), "pid": whole(1, 2**31 - 1), "started": text(30)})
"""The shape of another process's identity, checked before `visible_process` looks for it."""


class ProcessIdentity(msgspec.Struct, frozen=True):
    """A process: `machine` names the boot and the namespace of its `pid`; `started` is its start."""

    machine: str
    pid: int
    started: str

    @property
    def is_gone(self) -> bool:
        """Whether the process has ended; True only when that is certain."""
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass  # it belongs to another user, so it lives
        stat = _stat(self.pid)
        return stat is not None and (stat[STATE] in "ZX" or stat[STARTED] != self.started)


def own_identity() -> ProcessIdentity | None:
    """Return the identity of this process; None on a system other than Linux."""
    stat, machine = _stat(os.getpid()), _machine()
    return ProcessIdentity(machine, os.getpid(), stat[STARTED]) if stat and machine else None


def visible_process(claim: ProcessIdentity | None) -> ProcessIdentity | None:
    """Return the process that a peer claims to be, if it is visible from here; None for one on another machine.

    Machines copied while running may have the same names, so the process must be seen alive.
    """
    if claim is None or claim.machine != _machine():
        return None
    stat = _stat(claim.pid)
    return claim if stat is not None and stat[STARTED] == claim.started else None


def _machine() -> str:
    try:
        return f"{BOOT.read_text(encoding='ascii').strip()} {PID_NAMESPACE.readlink()}"
    except OSError:
        return ""


def _stat(pid: int) -> list[str] | None:
    try:
        # the name between the parentheses may hold any bytes
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
