"""A master and workers as processes of their own, as on machines apart."""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.e2e.harness import Locust, free_port

GENTLE = [
    *("--time-scale", "0.2", "--warm-up", "1s", "--ramp-up", "1s", "--seed", "7"),
    *("--lateness-limit", "5s", "--threshold", "append_latency_ms: p(95)<5000"),
]
"""A load whose verdict does not depend on how busy the machine is."""


@dataclass
class Cluster:
    """The processes; `port` is the master's."""

    master: Locust
    workers: list
    port: str


@contextmanager
def cluster(tmp_path, *arguments, workers=2, port=None, worker_ports=(), worker_env=None, env=None):
    """A master that runs headless with these arguments, and its workers, all ended with the block.

    `worker_ports` are the ports at which the first workers look for the master, where it is not its own.
    """
    port = port or free_port()
    ports = [*worker_ports, *([port] * workers)][:workers]
    with ExitStack() as stack:
        master = stack.enter_context(
            Locust(
                tmp_path,
                *(*GENTLE, *arguments, "--master", "--expect-workers", workers, "--master-bind-port", port),
                env=env,
            )
        )
        made = [stack.enter_context(worker(tmp_path, at, env=worker_env)) for at in ports]
        yield Cluster(master, made, port)


def worker(tmp_path, port, *arguments, **how):
    """One worker of the master at that port."""
    return Locust(tmp_path, "--worker", "--master-port", port, *arguments, headless=False, **how)
