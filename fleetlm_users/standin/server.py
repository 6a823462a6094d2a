"""The running stand-in: one hub, REST and WebSocket on one port, and an orderly end."""

import asyncio
import contextlib
import gc
import os
import resource
import signal
import sys
import threading
import time
from typing import Final

from aiohttp import web

from fleetlm_users.http_access import AccessRules
from fleetlm_users.output import tell
from fleetlm_users.standin.agent.builtin_agent import BuiltinAgent
from fleetlm_users.standin.agent.lanes import NODE, WebhookLanes
from fleetlm_users.standin.agent.webhook import Webhooks
from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.chat.inbox import Inboxes
from fleetlm_users.standin.chat.session_store import Store
from fleetlm_users.standin.counters import Counters
from fleetlm_users.standin.faults.delivery import Delivery
from fleetlm_users.standin.faults.faults import Faults, FaultState
from fleetlm_users.standin.http.control import Control
from fleetlm_users.standin.http.edge import Edge
from fleetlm_users.standin.http.gateway import Gateway, Sockets
from fleetlm_users.standin.http.late_rest import EitherSessionRoutes, LateSessionRoutes
from fleetlm_users.standin.http.rest import Rest, SessionRoutes
from fleetlm_users.standin.options import StandinOptions
from fleetlm_users.standin.storage.restart import open_storage
from fleetlm_users.standin.storage.write_behind import Database, WriteBehind
from fleetlm_users.standin.timers import ExactTimer, LoopTimer
from fleetlm_users.standin.websocket import frames

ENDING: Final = (signal.SIGTERM, signal.SIGINT)
BACKLOG: Final = 4096
SPARE_FILES: Final = 200
CLOSE_WAIT_S: Final = 1.0  # how long clients have to take the CLOSE
REPLY_WAIT_S: Final = 0.05  # how long the reply to the crash order may take


class CannotListen(Exception):
    """The address cannot be bound."""


class Server:
    """One running stand-in: `await start()`, later `stop()` from anywhere on the loop, `await finished()`."""

    def __init__(self, options: StandinOptions) -> None:
        self._options = options
        self._loop = asyncio.get_running_loop()
        self._exact = ExactTimer(self._loop)
        self._stopping = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._port = options.port
        self._flushing: asyncio.Task[None] | None = None
        self.hub = self._build_hub()
        self._webhooks = Webhooks(
            self.hub,
            max_pending=options.max_pending_webhooks,
            connections=options.webhook_connections,
            is_serial=options.order == NODE,
        )
        self.hub.responder = BuiltinAgent(self.hub) if options.builtin_agent else self._webhooks
        self._lanes = WebhookLanes(
            self.hub,
            self.hub.responder,
            order=options.order,
            timer=LoopTimer(self._loop),
            max_pending=options.max_pending_webhooks,
        )
        self._set_lanes(options.faults)
        self._sockets = Sockets(
            self.hub, options.limits, origin_host=options.origin_host, max_connections=options.max_connections
        )
        control, rules = Control(self.hub, self.set_faults, self.crash), AccessRules(options.host)
        is_late = options.protocol == "late"
        edge = Edge(self._rest(), control, self._sockets.judge, options.max_body_bytes, rules, is_late=is_late)
        self._http = web.Server(edge.handle, access_log=None)

    def _build_hub(self) -> Hub:
        options, rough = self._options, LoopTimer(self._loop)
        store = Store(options.caps, Counters(), are_late=options.protocol == "late")
        delivery = Delivery(FaultState(options.faults), self._exact, rough, store.counters.held)
        inboxes = Inboxes(store, rough, options.quirks, options.inbox_stops or None)
        storage = WriteBehind(options.storage, store, delivery.faults, database_at(options.storage.database))
        return Hub(
            store,
            delivery,
            inboxes,
            storage=storage,
            timer=rough,
            quirks=options.quirks,
            protocol=options.protocol,
        )

    def _rest(self) -> Rest:
        early, late = SessionRoutes(self.hub), LateSessionRoutes(self.hub)
        sessions = {"early": early, "late": late, "both": EitherSessionRoutes(early, late)}
        return Rest(self.hub, sessions[self._options.protocol])

    async def start(self) -> int:
        """Open the storage and listen; return the port. Raises CannotListen and StorageUnusable."""
        options, hub = self._options, self.hub
        raise_file_limit(options.max_connections + SPARE_FILES)
        await open_storage(options.storage, hub.storage, hub.store, hub.agents)
        await self._listen()
        self._flushing = self._loop.create_task(hub.storage.run())
        self._plan_stall(options.faults)
        return self._port

    async def _listen(self) -> None:
        options = self._options
        try:
            self._listener = await self._loop.create_server(
                lambda: Gateway(self._sockets, self._http), options.host, self._port, backlog=BACKLOG
            )
        except (OSError, OverflowError) as problem:
            reason = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
            raise CannotListen(f"cannot listen on {options.host}:{options.port}: {reason}") from problem
        self._port = self._listener.sockets[0].getsockname()[1]

    def set_faults(self, faults: Faults) -> None:
        """Put new faults in force; a stall is scheduled again."""
        self.hub.faults.set(faults)
        self._set_lanes(faults)
        self._plan_stall(faults)

    def crash(self, down_s: float) -> None:
        """Act like a kill and a restart: cut all sockets, forget unflushed messages, listen again after `down_s`."""
        hub = self.hub
        for lanes in (self._lanes, hub.append_lanes, self._webhooks, hub.inboxes, hub.storage):
            lanes.clear()
        self._sockets.cut_all()
        if down_s > 0 and self._listener is not None:
            self._listener.close()
            self._loop.call_later(REPLY_WAIT_S, self._cut_http)
            self._loop.call_later(down_s, lambda: self._loop.create_task(self._listen()))

    def _cut_http(self) -> None:
        for connection in self._http.connections:
            connection.force_close()

    def stop(self) -> None:
        """Begin the end."""
        self._stopping.set()

    async def finished(self) -> None:
        """Wait for `stop`, then close: no new connections, CLOSE 1012 to all, a moment for them to take it."""
        await self._stopping.wait()
        if self._flushing is not None:
            self._flushing.cancel()  # nothing is flushed at the end, as with FleetLM
        if self._listener is not None:
            self._listener.close()
        self._sockets.close_all(frames.SERVICE_RESTART)
        deadline_s = self._loop.time() + CLOSE_WAIT_S
        while self._sockets.open and self._loop.time() < deadline_s:
            await asyncio.sleep(0.01)
        await self._webhooks.close()
        await self._http.shutdown(timeout=CLOSE_WAIT_S)
        self._exact.stop()
        await self.hub.storage.close()

    def _set_lanes(self, faults: Faults) -> None:
        """Put the lanes before the agent from the first service time on: without one they would cost every append."""
        if faults.webhook_service_ms > 0:
            self.hub.responder = self._lanes
        self._lanes.retime()
        self.hub.append_lanes.retime()

    def _plan_stall(self, faults: Faults) -> None:
        if self._stall is not None:
            self._stall.cancel()
        if faults.stall_ms > 0:  # a stalled server is a blocked loop: nothing is read, nothing written
            self._stall = self._loop.call_later(faults.stall_at_s, time.sleep, faults.stall_ms / 1000)


async def serve(options: StandinOptions) -> None:
    """Run one stand-in until SIGTERM, SIGINT, or, if so requested, the end of standard input.

    Raises CannotListen and StorageUnusable.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # inherited by all threads started here, including libuv's
    server = Server(options)
    port = await server.start()
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, server.stop)
    if options.exit_with_parent:
        threading.Thread(target=watch_stdin, args=(loop, server), name="stdin", daemon=True).start()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    host = f"[{options.host}]" if ":" in options.host else options.host
    gc.collect()
    gc.freeze()  # objects of the start stay: later collections need not visit them, nor pause anybody for it
    ready = f"standin ready on http://{host}:{port} (ws ws://{host}:{port}/socket/websocket)"
    tell(sys.stdout, f"{ready}\n")  # a parent that does not read is no reason to end
    await server.finished()
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)  # a second one must not spoil the exit code of a clean end


def database_at(address: str | None) -> Database | None:
    """Return the database at an address, if there is one; its driver is only imported then."""
    if address is None:
        return None
    from fleetlm_users.standin.storage.message_database import MessageDatabase  # noqa: PLC0415 - as above

    return MessageDatabase(address)


def watch_stdin(loop: asyncio.AbstractEventLoop, server: Server) -> None:
    """Stop `server` when standard input ends, so that nothing outlives the parent; runs in a thread."""
    with contextlib.suppress(OSError):
        while os.read(sys.stdin.fileno(), 4096):
            pass
    with contextlib.suppress(RuntimeError):  # the loop is closed: it ended on its own
        loop.call_soon_threadsafe(server.stop)


def raise_file_limit(wanted: int) -> None:
    """Allow this process `wanted` open files, or as many as the system permits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    goal = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < goal:
        resource.setrlimit(resource.RLIMIT_NOFILE, (goal, hard))
