"""Factors between units of time. Moments and lengths are in seconds, histograms hold whole microseconds."""

from typing import Final

S_PER_HOUR: Final = 3600
MS_PER_S: Final = 1000
US_PER_MS: Final = 1000
US_PER_S: Final = 1_000_000
NS_PER_S: Final = 1_000_000_000
