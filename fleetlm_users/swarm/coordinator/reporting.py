"""The end of a coordinator's process: the run is judged, Locust's files are written, the report is printed last."""

import sys
from argparse import Namespace

from locust.env import Environment

from fleetlm_users.output import tell, wants_colour, width_of
from fleetlm_users.swarm.coordinator.conclusion.conclusion import RunResult
from fleetlm_users.swarm.results.locust_files import LocustFiles
from fleetlm_users.swarm.role import Role
from fleetlm_users.swarm.signals import NOTHING_RAN_EXIT


class ReportingRole(Role):
    """A role that judges its runs; `result` belongs to the latest run, None before it is judged."""

    def __init__(self, environment: Environment, parsed: Namespace) -> None:
        self.result: RunResult | None = None
        self._printed: RunResult | None = None
        self._environment = environment
        self._parsed = parsed
        self._files = LocustFiles(environment, parsed)

    def note_unwritten(self, flag: str, path: str, problem: OSError) -> None:
        """Note that one of Locust's files could not be written."""

    def close(self) -> None:
        """Free whatever outlives a run."""

    def on_test_stop(self) -> None:
        """Judge the run: all users have stopped. With the web UI its report comes now, one for each run."""
        self.judge()
        if not self._parsed.headless:
            self._print_report()

    def on_quitting(self) -> None:
        """Judge a run still under way, and write Locust's files."""
        self.judge()
        if self._parsed.headless and self._environment.process_exit_code is None:
            self._environment.process_exit_code = NOTHING_RAN_EXIT
        for flag, path, problem in self._files.write():
            self.note_unwritten(flag, path, problem)

    def on_quit(self) -> None:
        """Print the report after Locust's tables, where it is seen."""
        if self._parsed.headless:
            self._print_report()
        self.close()

    def _print_report(self) -> None:
        """Print the report of the run that was judged last, once."""
        result = self.result
        if result is None or result is self._printed:
            return
        self._printed = result
        # --json prints Locust's JSON to stdout: nothing else may be printed there
        stream = sys.stderr if self._parsed.json else sys.stdout
        tell(stream, result.text(width_of(stream), colour=wants_colour(stream)))
