"""Readings taken once a second while a tool runs: its CPU and memory, and the server's counts so far."""

import time
from dataclasses import dataclass

import psutil

from benchmarks.running.server import Server

EVERY_S = 1.0


@dataclass(frozen=True)
class Reading:
    """One moment. `cpu_s` and `rss_bytes` are the tool's, the counts the server's."""

    at_s: float
    cpu_s: float
    rss_bytes: int
    open_now: int
    joined: int
    appended: int
    heartbeats: int


@dataclass(frozen=True)
class Stretch:
    """The time from when all sessions were joined until the first of them left."""

    first: Reading
    last: Reading

    @property
    def length_s(self) -> float:
        """How long it was."""
        return self.last.at_s - self.first.at_s

    @property
    def appends_per_s(self) -> float:
        """Appends per second within it."""
        return (self.last.appended - self.first.appended) / self.length_s

    @property
    def core_share(self) -> float:
        """CPU seconds of the tool per second within it."""
        return (self.last.cpu_s - self.first.cpu_s) / self.length_s

    @property
    def heartbeats(self) -> int:
        """Heartbeats that the server counted within it."""
        return self.last.heartbeats - self.first.heartbeats

    @property
    def cpu_s_per_append(self) -> float:
        """CPU seconds of the tool per append within it."""
        return (self.last.cpu_s - self.first.cpu_s) / max(1, self.last.appended - self.first.appended)


class Tape:
    """The readings. Call it as often as you like while a tool runs; it reads when it is time."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []

    def __call__(self, server: Server, pid: int) -> None:
        """Take a reading if one is due; take none if the tool has just gone."""
        if self.readings and time.perf_counter() < self.readings[-1].at_s + EVERY_S:
            return
        counted = server.counters()
        try:
            first = psutil.Process(pid)
            family = [first, *first.children(recursive=True)]  # Tsung and Artillery are started by a script
            cpu_s = sum(sum(each.cpu_times()[:2]) for each in family)
            rss_bytes = sum(each.memory_info().rss for each in family)
        except psutil.Error:
            return
        self.readings.append(
            Reading(
                time.perf_counter(),
                cpu_s,
                rss_bytes,
                counted["connections_now"],
                counted["joins_ok"],
                counted["messages_appended_user"],
                counted["heartbeats"],
            )
        )

    def all_joined(self, sessions: int, settling_s: float = 0.0) -> Stretch:
        """While all sessions were there, without the first `settling_s`.

        Raises RuntimeError when they never were for two readings.
        """
        found = [reading for reading in self.readings if reading.joined >= sessions and reading.open_now >= sessions]
        if len(found) < 2:
            most = max((reading.joined for reading in self.readings), default=0)
            raise RuntimeError(f"{sessions} sessions were never there together; {most} joined")
        settled = [reading for reading in found if reading.at_s >= found[0].at_s + settling_s]
        if len(settled) < 2:
            raise RuntimeError(f"{sessions} sessions were there together for less than {settling_s:g} s")
        return Stretch(settled[0], settled[-1])
