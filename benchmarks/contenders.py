"""The contenders by their names in the table."""

from benchmarks.tools.floor import Floor
from benchmarks.tools.k6 import K6
from benchmarks.tools.ours import Ours
from benchmarks.tools.tool import Tool

OURS, K6_WS, K6_WEBSOCKETS, FLOOR = "ours", "k6/ws", "k6/websockets", "floor"
K6_TOO = (K6_WS, K6_WEBSOCKETS)

TOOLS: dict[str, Tool] = {tool.name: tool for tool in (Ours(), K6("ws"), K6("websockets"), Floor())}
