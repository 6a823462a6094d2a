"""When bytes reached this machine: the kernel's own stamp of a read, on the clock of `time.perf_counter`.

Between the arrival of bytes and the moment when Python reads them the process may wake up, or be busy with others. That
is the generator's time and not the server's, so it does not belong into a latency. Linux stamps what it receives
(socket(7): SO_TIMESTAMPNS; for TCP since 4.14, `tcp_recv_timestamp` in net/ipv4/tcp.c) and hands the stamp over with
the bytes: that of the last segment in the read.
"""

import _socket
import struct
import sys
import time
from typing import Final

NS_PER_S: Final = 1_000_000_000
SO_TIMESTAMPNS: Final = 35
"""asm-generic/socket.h: the option, and the type of the control message that carries the stamp."""

TIMESPEC: Final = struct.Struct("@ll")
CONTROL_BYTES: Final = _socket.CMSG_SPACE(TIMESPEC.size) if hasattr(_socket, "CMSG_SPACE") else 0
STEP_NS: Final = 100_000
"""The wall clock, by which the kernel stamps, was set when it moved this much against the monotonic one."""

Ancillary = list[tuple[int, int, bytes]]


def ask_for_stamps(sock: _socket.socket) -> bool:
    """Whether reads of this socket, one without TLS, by `recvmsg` will carry stamps; only Linux has them."""
    if sys.platform != "linux":
        return False
    try:
        sock.setsockopt(_socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    except OSError:
        return False
    return True


class Arrival:
    """Turns the kernel's stamps of one socket into seconds of `time.perf_counter`, which is CLOCK_MONOTONIC on Linux.

    A read without a stamp, and one around which the wall clock was set, gets the moment of the call instead. So does
    one whose stamp cannot be: before the stamp of the read before it or before the socket was there, or after the call.
    The clock was then set while the bytes came, and set back. No read is earlier than the one before it, as no bytes
    of a TCP stream are.
    """

    __slots__ = ("_floor_s", "_last_s", "_offset_ns")

    def __init__(self) -> None:
        self._offset_ns = wall_ahead_ns()
        self._floor_s = time.perf_counter() - STEP_NS / NS_PER_S
        self._last_s = 0.0

    def __repr__(self) -> str:
        return f"Arrival(offset_ns={self._offset_ns})"

    def moment_s(self, ancillary: Ancillary) -> float:
        """When the newest bytes of the read with this control message had come."""
        offset_ns = wall_ahead_ns()
        moved_ns = offset_ns - self._offset_ns
        is_set = not -STEP_NS < moved_ns < STEP_NS
        if is_set or moved_ns > 0:  # what makes it too small is an interruption between the two clocks' readings
            self._offset_ns = offset_ns
        moment_s = time.perf_counter()
        if ancillary and not is_set:
            seconds, nanoseconds = TIMESPEC.unpack(ancillary[0][2])
            stamp_s = float(seconds * NS_PER_S + nanoseconds - self._offset_ns) / NS_PER_S
            if self._floor_s <= stamp_s <= moment_s:
                moment_s = stamp_s
                self._floor_s = stamp_s - STEP_NS / NS_PER_S  # what the offset may have moved by without being set
        self._last_s = max(self._last_s, moment_s)
        return self._last_s


def wall_ahead_ns() -> int:
    """How far the wall clock is ahead of the monotonic one; both are slewed alike, so it moves only when it is set.

    Too little by what interrupts the process between the two readings, never too much.
    """
    return time.time_ns() - time.perf_counter_ns()
