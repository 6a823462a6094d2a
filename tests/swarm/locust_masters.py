"""Real runners of Locust's in one process, connected over the loopback interface."""

from contextlib import contextmanager

from locust.argument_parser import get_parser
from locust.env import Environment


@contextmanager
def a_master(*user_classes):
    """A master on a free port, ended afterwards."""
    environment = Environment(user_classes=list(user_classes))
    environment.parsed_options = get_parser().parse_args([])
    runner = environment.create_master_runner("127.0.0.1", 0)
    try:
        yield runner
    finally:
        runner.quit()


@contextmanager
def a_worker(master, *user_classes):
    """A worker of that master, ended afterwards."""
    environment = Environment(user_classes=list(user_classes))
    environment.parsed_options = get_parser().parse_args([])
    runner = environment.create_worker_runner("127.0.0.1", master.server.port)
    try:
        yield runner
    finally:
        runner.greenlet.kill(block=False)
        runner.client.close()
