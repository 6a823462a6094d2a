"""A locustfile for ramp_lag.py: concurrent_sessions, with a watch on spawn messages and on the garbage collector.

RAMP_PROBE is the folder for each worker's findings. RAMP_WITHOUT names what is to be left out of the product: it exists
here and nowhere else.
"""

import atexit
import gc
import json
import os
import time
from pathlib import Path
from typing import Any

from locust.runners import WorkerRunner

from fleetlm_users.swarm import worker
from fleetlm_users.users import ConcurrentUser, install


class Watch:
    """What each spawn message and each collection took on one worker, in ms."""

    def __init__(self) -> None:
        self.spawn_wall_ms: list[float] = []
        self.spawn_cpu_ms: list[float] = []
        self.collection_ms: list[tuple[int, float]] = []
        self._collecting_s = 0.0

    def on_message(self, handle: Any, runner: WorkerRunner, message: Any) -> None:
        """Stands around Locust's own handler. CPU time says what the handler costs on a machine that is busy."""
        wall_s, cpu_s = time.perf_counter(), time.thread_time()
        handle(runner, message)
        if message.type == "spawn":
            self.spawn_wall_ms.append((time.perf_counter() - wall_s) * 1000)
            self.spawn_cpu_ms.append((time.thread_time() - cpu_s) * 1000)

    def on_collection(self, phase: str, info: dict[str, int]) -> None:
        """A callback of the garbage collector."""
        if phase == "start":
            self._collecting_s = time.perf_counter()
        else:
            self.collection_ms.append((info["generation"], (time.perf_counter() - self._collecting_s) * 1000))

    def write(self) -> None:
        """Leaves what was seen for ramp_lag.py; a master has seen no spawn message and writes nothing."""
        if self.spawn_wall_ms:
            found = {"wall": self.spawn_wall_ms, "cpu": self.spawn_cpu_ms, "collections": self.collection_ms}
            Path(os.environ["RAMP_PROBE"], f"{os.getpid()}.json").write_text(json.dumps(found))


def keep_watch() -> None:
    """Puts the watch in place, and takes out what is to be left out."""
    watch, handle = Watch(), WorkerRunner.handle_message
    WorkerRunner.handle_message = lambda runner, message: watch.on_message(handle, runner, message)
    gc.callbacks.append(watch.on_collection)
    atexit.register(watch.write)
    if os.environ.get("RAMP_WITHOUT") == "cache":
        worker.spare_the_loop = lambda: None


keep_watch()
install("concurrent_sessions", [ConcurrentUser])
