"""A master and workers as separate processes, as on separate machines."""

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.e2e.harness import Locust, eventually, free_port
from tests.e2e.scraping import scrape

GENTLE = ["--time-scale", "0.2", "--warm-up", "1s", "--ramp-up", "1s", "--seed", "7"]


@dataclass
class Cluster:
    """The processes; `port` is the master's."""

    master: Locust
    workers: list
    port: str
    metrics_port: str

    def told(self, metric):
        """What the master has been told so far of one metric, by all workers."""
        return scrape(f"http://127.0.0.1:{self.metrics_port}/metrics").get(f"fleetlm_{metric}", 0)

    def await_told(self, metric, is_enough, what):
        """Waits until the master has been told enough; its page, which costs it some work, is not asked for often."""
        return eventually(lambda: is_enough(self.told(metric)), what, poll_s=0.5)


@contextmanager
def cluster(tmp_path, *arguments, workers=2, port=None, worker_ports=(), worker_env=None, env=None, **how):
    """A master that runs headless with these arguments, and its workers, all ended with the block.

    `worker_ports` are the ports at which the first workers look for the master, where it is not its own; `how` is said
    to all of the processes.
    """
    port, metrics_port = port or free_port(), free_port()
    ports = [*worker_ports, *([port] * workers)][:workers]
    with ExitStack() as stack:
        head = ["--master", "--expect-workers", workers, "--master-bind-port", port, "--metrics-port", metrics_port]
        master = stack.enter_context(Locust(tmp_path, *GENTLE, *arguments, *head, env=env, **how))
        made = [stack.enter_context(worker(tmp_path, at, env=worker_env, **how)) for at in ports]
        yield Cluster(master, made, port, metrics_port)


def worker(tmp_path, port, *arguments, **how):
    """One worker of the master at that port."""
    return Locust(tmp_path, "--worker", "--master-port", port, *arguments, headless=False, **how)
