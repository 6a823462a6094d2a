"""The phases of a run that samples are kept apart by: what is warm-up is decided by the moment a thing was *due*."""

from typing import Final

WARM_UP: Final = "warm_up"  # recorded, shown, never judged
MAIN: Final = "main"  # what thresholds judge
ALL: Final = "all"  # in queries only: both phases summed

PHASES: Final = (WARM_UP, MAIN)
