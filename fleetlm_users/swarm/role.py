"""The role of a process in one run after another: the protocol between Locust's events and coordinator or worker."""

from typing import Any

from fleetlm_users.swarm.run_end import Phase, RunEnd


class Role:
    """A role that does nothing, as before Locust's `init` event; Coordinator and Worker derive from it.

    The verbs of a run's end (`stop`, `drain`, `cut_drain_short`, `judge`) act on the current run and do nothing without
    one. They may be called from any greenlet, in any order, any number of times.
    """

    _end: RunEnd | None = None

    @property
    def has_ended(self) -> bool:
        """Whether the latest run has been reported; True before the first."""
        return self._end is None or self._end.phase is Phase.REPORTED

    def start(self) -> None:
        """Begin a run: Locust's `test_start`."""

    def stop(self) -> None:
        """Stop the run's clock, without waiting for anything."""
        if self._end is not None:
            self._end.stop()

    def drain(self) -> None:
        """Drain the run; return when all its numbers are in."""
        if self._end is not None:
            self._end.drain()

    def cut_drain_short(self) -> None:
        """Cut the drain short if the run is ending."""
        if self._end is not None:
            self._end.cut_drain_short()

    def judge(self) -> None:
        """End the run; return when it is reported."""
        if self._end is not None:
            self._end.judge()

    def on_test_stop(self) -> None:
        """Handle the end of Locust's test: all users have stopped."""

    def on_quitting(self) -> None:
        """Handle that Locust is about to end the process: end any run under way."""
        self.judge()

    def on_quit(self) -> None:
        """Handle that Locust has printed its tables and the process exits next."""

    def add_to_report(self, data: dict[str, Any]) -> None:
        """Add this worker's measurements to one of Locust's reports."""

    def on_worker_connect(self, client_id: str) -> None:
        """Handle a newly connected worker of this master."""

    def on_worker_report(self, client_id: str, data: dict[str, Any]) -> None:
        """Take a report of one of this master's workers."""

    def reset_stats(self) -> None:
        """Handle a person's reset of the statistics, which Locust fires only on the coordinator."""
