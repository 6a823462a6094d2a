"""The contenders, by their names in the table."""

from benchmarks.tools.artillery import Artillery
from benchmarks.tools.floor import Floor
from benchmarks.tools.k6 import K6
from benchmarks.tools.ours import Ours
from benchmarks.tools.tool import Tool
from benchmarks.tools.tsung import Tsung

OURS, K6_WS, K6_WEBSOCKETS, FLOOR, FLOOR_ON_TIME = "ours", "k6/ws", "k6/websockets", "floor", "floor, on time"
TSUNG, ARTILLERY = "tsung", "artillery"
K6_TOO = (K6_WS, K6_WEBSOCKETS)

_ALL: tuple[Tool, ...] = (
    Ours(),
    K6("ws"),
    K6("websockets"),
    Floor(FLOOR),
    Floor(FLOOR_ON_TIME, on_time=True),
    Tsung(),
    Artillery(),
)
TOOLS = {tool.name: tool for tool in _ALL}
