"""A locustfile for ramp_lag.py: concurrent_sessions, watched while its users are spawned.

RAMP_PROBE is the folder for each worker's findings. RAMP_WITHOUT names what is to be left out of the product, which has
no such switch.
"""

import atexit
import gc
import json
import os
import time
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.env import Environment
from locust.runners import WorkerRunner

from fleetlm_users import ConcurrentUser, install
from fleetlm_users.swarm.cluster import worker
from fleetlm_users.swarm.runtime.gc_freeze import GcFreeze
from fleetlm_users.workload.plan import Plan

LOOK_S = 0.02


class Watch:
    """The time that held the event loop of one worker, in ms of its own CPU time.

    CPU time, because on a shared machine a process also waits for its core, which its code cannot change.
    """

    def __init__(self) -> None:
        self.seen: dict[str, list[float]] = {"spawn": [], "young": [], "full": [], "stall": []}
        self._collecting_s = 0.0

    def on_message(self, handle: Any, runner: WorkerRunner, message: Any) -> None:
        """Wraps Locust's own handler."""
        began_s = time.thread_time()
        handle(runner, message)
        if message.type == "spawn":
            self._note("spawn", began_s)

    def on_collection(self, phase: str, info: dict[str, int]) -> None:
        """A callback of the garbage collector."""
        if phase == "start":
            self._collecting_s = time.thread_time()
        else:
            self._note("full" if info["generation"] == 2 else "young", self._collecting_s)

    def on_test_start(self, environment: Environment, **_: Any) -> None:
        """The run begins: the loop is watched from here on."""
        if isinstance(environment.runner, WorkerRunner):
            gc.callbacks.append(self.on_collection)
            gevent.spawn(self._watch_loop)
            atexit.register(self._write)

    def _watch_loop(self) -> None:
        while True:
            began_s = time.thread_time()
            gevent.sleep(LOOK_S)
            self._note("stall", began_s)

    def _note(self, what: str, began_s: float) -> None:
        self.seen[what].append((time.thread_time() - began_s) * 1000)

    def _write(self) -> None:
        Path(os.environ["RAMP_PROBE"], f"{os.getpid()}.json").write_text(json.dumps(self.seen), encoding="utf-8")


def leave_out(what: list[str]) -> None:
    """Remove parts of the product."""
    if "cache" in what:
        worker.cache_default_arguments = lambda: None  # type: ignore[attr-defined]  # the worker's own name for it
    if "spread" in what:
        Plan.begins_s = lambda _plan, _number: 0.0  # type: ignore[method-assign, assignment]  # what is measured
    if "collector" in what:
        GcFreeze.begin = lambda _collector, _users: None  # type: ignore[method-assign, assignment]  # as above


def keep_watch() -> None:
    """Puts the watch in place."""
    watch, handle = Watch(), WorkerRunner.handle_message

    def handle_message(runner: WorkerRunner, message: Any) -> None:
        watch.on_message(handle, runner, message)

    WorkerRunner.handle_message = handle_message  # type: ignore[method-assign, assignment]  # to be timed
    events.test_start.add_listener(watch.on_test_start)


leave_out(os.environ["RAMP_WITHOUT"].split())
keep_watch()
install("concurrent_sessions", [ConcurrentUser])
