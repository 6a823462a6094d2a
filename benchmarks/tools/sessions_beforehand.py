"""Sessions for tools that cannot create one over REST and then use it on a socket."""

import json
import urllib.request
from typing import Final

from benchmarks.load import AGENT_ID, Load

SESSIONS: Final = "sessions.csv"
TIMEOUT_S: Final = 30


def created(load: Load, address: str, tool: str, run_id: str, *, separator: str = ";") -> str:
    """Create the load's sessions; return a line with session and participant for each. The cost is not counted."""
    lines = []
    for number in range(load.sessions):
        user = f"{tool}-{run_id}-{number}"
        body = {"sender_id": user, "recipient_id": AGENT_ID, "metadata": {"run_id": run_id}}
        request = urllib.request.Request(
            f"http://{address}/api/sessions", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            lines.append(f"{json.load(answer)['session']['id']}{separator}{user}\n")
    return "".join(lines)
