"""Artillery 2 (npm's package `artillery`), with its engine for WebSockets.

A `send` of that engine is fire-and-forget: it waits for no answer, and nothing parses what comes back. So, as with
Tsung, the sessions are created beforehand and passed in a file, and closed loops are impossible.
"""

import json
import shutil
from pathlib import Path
from typing import Any, Final

from benchmarks.load import MS_PER_S, TEXT_BYTES, Load
from benchmarks.tools.sessions_beforehand import SESSIONS, created
from benchmarks.tools.tool import Command, clean_env

REPORT: Final = "artillery.json"
HEARTBEAT_S: Final = 30


class Artillery:
    """`artillery run` in one process: its own workers are threads of it."""

    name = "artillery"
    server_flags: tuple[str, ...] = ("--origin-host", "any")

    def absent(self) -> str:
        """Return why it cannot run: there is no `artillery` on the path."""
        found = shutil.which("artillery")
        return "" if found else "artillery is not installed here: npm install -g artillery@2"

    def command(self, load: Load, address: str, run_id: str, folder: Path) -> Command:
        """Make the sessions, write its script, start it without its telemetry."""
        if load.depth or load.journeys or load.rest or load.protocol != "early":
            raise ValueError("Artillery's `send` waits for no answer")
        (folder / SESSIONS).write_text(created(load, address, self.name, run_id, separator=","), encoding="utf-8")
        script = folder / "script.json"
        script.write_text(json.dumps(document(load, address, folder)), encoding="utf-8")
        env = clean_env(ARTILLERY_DISABLE_TELEMETRY="true", WORKERS="1", HOME=str(folder))
        return Command(("artillery", "run", "--quiet", "--output", str(folder / REPORT), str(script)), env)

    def reported(self, folder: Path) -> dict[str, float]:
        """Read the report that it writes."""
        found = json.loads((folder / REPORT).read_text(encoding="utf-8"))["aggregate"]["counters"]
        return {"messages_sent": float(found.get("websocket.messages_sent", 0))}


def document(load: Load, address: str, folder: Path) -> dict[str, Any]:
    """Return Artillery's script for the load."""
    phase = {"duration": max(1, round(load.ramp_s)), "arrivalCount": load.sessions, "maxVusers": load.sessions}
    join = '["1","1","session:{{ session }}","phx_join",{}]'
    return {
        "config": {
            "target": f"ws://{address}",
            "phases": [phase],
            "payload": {"path": str(folder / SESSIONS), "fields": ["session", "user"], "order": "sequence"},
        },
        "scenarios": [
            {
                "engine": "ws",
                "flow": [
                    {"connect": "{{ target }}/socket/websocket?participant_id={{ user }}&vsn=2.0.0"},
                    {"send": join},
                    *(_messages(load) if load.interval_ms else _heartbeats(load)),
                ],
            }
        ],
    }


def _messages(load: Load) -> list[dict[str, Any]]:
    text = f'{{"text":"{"x" * TEXT_BYTES}","client_ref":"{{{{ user }}}}-{{{{ $loopCount }}}}"}}'
    content = f'{{"content":{{"kind":"text","content":{text},"metadata":{{}}}}}}'
    frame = f'["1","2","session:{{{{ session }}}}","send",{content}]'
    steps = [{"think": load.interval_ms / MS_PER_S}, {"send": frame}]
    return [{"loop": steps, "count": round(load.seconds * MS_PER_S / load.interval_ms)}]


def _heartbeats(load: Load) -> list[dict[str, Any]]:
    beats = int(load.seconds // HEARTBEAT_S)
    steps = [{"think": HEARTBEAT_S}, {"send": '[null,"3","phoenix","heartbeat",{}]'}]
    rest_s = load.seconds - beats * HEARTBEAT_S
    return [*([{"loop": steps, "count": beats}] if beats else []), *([{"think": rest_s}] if rest_s else [])]
