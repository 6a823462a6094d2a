"""The rows of the bench's table, in order."""

from benchmarks.figure import Figure
from benchmarks.figures.append_cpu import APPEND_CPU
from benchmarks.figures.churn import CHURN
from benchmarks.figures.echo_agent import ECHO_AGENT
from benchmarks.figures.fan_out import FAN_OUT
from benchmarks.figures.idle_cpu import IDLE_CPU, IDLE_CPU_MANY
from benchmarks.figures.idle_rss import IDLE_RSS
from benchmarks.figures.late_append import LATE_APPEND
from benchmarks.figures.opening import OPENING
from benchmarks.figures.rest_mix import REST_MIX
from benchmarks.figures.saturation import SATURATION
from benchmarks.figures.scale_out import SCALE_OUT
from benchmarks.figures.sockets import SOCKETS
from benchmarks.figures.start import START
from benchmarks.figures.truth import TRUTH

ROWS = (
    APPEND_CPU,
    LATE_APPEND,
    REST_MIX,
    SATURATION,
    FAN_OUT,
    IDLE_RSS,
    IDLE_CPU,
    IDLE_CPU_MANY,
    OPENING,
    CHURN,
    START,
    TRUTH,
    SOCKETS,
    SCALE_OUT,
    ECHO_AGENT,
)
FIGURES: dict[str, Figure] = {figure.name: figure for figure in ROWS}
