"""A stretch of a run as all workers together saw it.

Two stretches that follow each other add up to one, so a longer one is as true as its parts: counts are summed,
distributions merged and only then asked for percentiles, of gauges the highest is kept.
"""

from dataclasses import dataclass

from fleetlm_users.measure.timeline.rows import Second


@dataclass(slots=True)
class Interval:
    """From `second` of the run on, `width_s` seconds long."""

    second: int
    what: Second
    width_s: int = 1

    @property
    def end_s(self) -> int:
        """The second at which it is over."""
        return self.second + self.width_s

    def copy(self) -> "Interval":
        """The same, to be extended alone."""
        return Interval(self.second, self.what.copy(), self.width_s)

    def extend(self, later: "Interval") -> None:
        """Take in the stretch that follows this one."""
        self.width_s = later.end_s - self.second
        self.what.extend(later.what)
