"""Tsung 1.7 (Debian's package `tsung`), which cannot create a session over REST and use it: it gets its sessions from a
file.

A request of its WebSocket plugin waits either for no answer or for the next bytes from the server, whatever they are.
Messages on a timetable wait for none here; answers are read and counted as bytes, but not parsed.
"""

import shutil
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from benchmarks.load import MS_PER_S, TEXT_BYTES, Load
from benchmarks.tools.sessions_beforehand import SESSIONS, created
from benchmarks.tools.tool import Command, clean_env, free_port

DTD: Final = Path("/usr/share/tsung/tsung-1.0.dtd")
HEARTBEAT_S: Final = 30
RATE: Final = 2  # Tsung begins users by a rate; the last of them then is not late


class Tsung:
    """`tsung start` in one Erlang machine, without its web page."""

    name = "tsung"
    server_flags: tuple[str, ...] = ("--origin-host", "any")  # it sends an Origin header of its own

    def absent(self) -> str:
        """Why it cannot run: the package is not installed."""
        found = shutil.which("tsung") and DTD.exists()
        return "" if found else "tsung is not installed here: apt-get install tsung"

    def command(self, load: Load, address: str, run_id: str, folder: Path) -> Command:
        """Make the sessions, write its configuration, start it, and end the port mapper that Erlang leaves behind."""
        if load.depth or load.journeys or load.rest or load.protocol != "early":
            raise ValueError("Tsung waits for the next bytes only, and not for the answer to one of several messages")
        (folder / SESSIONS).write_text(created(load, address, self.name, run_id), encoding="utf-8")
        configuration = folder / "tsung.xml"
        configuration.write_text(document(load, address, folder), encoding="utf-8")
        start = f"tsung -n -f {configuration} -l {folder} start; code=$?; epmd -kill >/dev/null; exit $code"
        # a home of its own, because Erlang keeps a cookie there, and a port mapper that no other Erlang knows
        env = clean_env() | {"HOME": str(folder), "ERL_EPMD_PORT": str(free_port()), "ERL_EPMD_ADDRESS": "127.0.0.1"}
        return Command(("sh", "-c", start), env)

    def reported(self, folder: Path) -> dict[str, float]:
        """Read its log: the requests it made, joins and messages together."""
        text = next(folder.glob("*/tsung.log")).read_text(encoding="utf-8")
        totals = [line.split()[-1] for line in text.splitlines() if line.startswith("stats: request ")]
        return {"requests": float(totals[-1])} if totals else {}


def document(load: Load, address: str, folder: Path) -> str:
    """Return Tsung's configuration for the load."""
    host, port = address.rsplit(":", 1)
    phase_s = max(1, round(load.ramp_s) + RATE)
    rate = load.sessions / max(load.ramp_s, 1.0)
    return f"""<?xml version="1.0"?>
<!DOCTYPE tsung SYSTEM "{DTD}">
<tsung loglevel="notice" version="1.0">
  <clients><client host="localhost" use_controller_vm="true" maxusers="60000"/></clients>
  <servers><server host="{host}" port="{port}" type="tcp"/></servers>
  <load>
    <arrivalphase phase="1" duration="{phase_s}" unit="second">
      <users maxnumber="{load.sessions}" arrivalrate="{rate:.3f}" unit="second"/>
    </arrivalphase>
  </load>
  <options>
    <option name="file_server" id="sessions" value="{folder / SESSIONS}"/>
    <option name="max_restarts" value="0"/>
  </options>
  <sessions>
    <session name="chat" probability="100" type="ts_websocket">
      <setdynvars sourcetype="file" fileid="sessions" delimiter=";" order="iter">
        <var name="session"/><var name="user"/>
      </setdynvars>
      <request subst="true">
        <websocket type="connect" path="/socket/websocket?participant_id=%%_user%%&amp;vsn=2.0.0"/>
      </request>
      <request subst="true">
        <websocket type="message" frame="text">{escape('["1","1","session:%%_session%%","phx_join",{}]')}</websocket>
      </request>
{_messages(load) if load.interval_ms else _heartbeats(load)}
    </session>
  </sessions>
</tsung>
"""


def _messages(load: Load) -> str:
    text = f'{{"text":"{"x" * TEXT_BYTES}","client_ref":"%%_user%%-%%_i%%"}}'
    content = f'{{"content":{{"kind":"text","content":{text},"metadata":{{}}}}}}'
    frame = f'["1","2","session:%%_session%%","send",{content}]'
    return _loop(round(load.seconds * MS_PER_S / load.interval_ms), frame, load.interval_ms / MS_PER_S)


def _heartbeats(load: Load) -> str:
    beats = int(load.seconds // HEARTBEAT_S)
    loop = _loop(beats, '[null,"3","phoenix","heartbeat",{}]', HEARTBEAT_S) if beats else ""
    rest_s = load.seconds - beats * HEARTBEAT_S
    return loop + (f'      <thinktime value="{rest_s:g}" random="false"/>' if rest_s else "")


def _loop(times: int, frame: str, pause_s: float) -> str:
    return f"""      <for from="1" to="{times}" var="i">
        <thinktime value="{pause_s:g}" random="false"/>
        <request subst="true"><websocket type="message" frame="text" ack="no_ack">{escape(frame)}</websocket></request>
      </for>
"""
