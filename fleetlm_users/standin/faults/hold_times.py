"""How long delayed pushes were really held back: the truth that a measured latency is compared with.

A timer on a busy machine fires late. To check a load generator against a known delay, one must know by how much.
"""

from hdrh.histogram import HdrHistogram

US_PER_S = 1_000_000
LONGEST_US = 60 * US_PER_S
SIGNIFICANT_DIGITS = 3
QUANTILES = (50, 90, 99)


class Held:
    """A histogram of holds, from the reading of a message's bytes to the moment the kernel was given its push."""

    def __init__(self) -> None:
        self._histogram: HdrHistogram | None = None  # made with the first hold: it takes 190 kB

    def add(self, held_s: float) -> None:
        """Count one hold of `held_s` seconds; one of more than a minute counts as a minute."""
        if self._histogram is None:
            self._histogram = HdrHistogram(1, LONGEST_US, SIGNIFICANT_DIGITS)
        self._histogram.record_value(min(LONGEST_US, max(1, round(held_s * US_PER_S))))

    def as_json(self) -> dict[str, float]:
        """`count`, and in milliseconds `min`, `p50`, `p90`, `p99` and `max`; only the count when there was none."""
        histogram = self._histogram
        if histogram is None:
            return {"count": 0}
        quantiles = {f"p{quantile}": histogram.get_value_at_percentile(quantile) / 1000 for quantile in QUANTILES}
        ends = {"min": histogram.get_min_value() / 1000, "max": histogram.get_max_value() / 1000}
        return {"count": histogram.get_total_count(), **ends, **quantiles}
