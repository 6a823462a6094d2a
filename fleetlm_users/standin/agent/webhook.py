"""Ask agents over HTTP: one POST per user message, appending its JSON lines as they arrive."""

import asyncio
import logging
from collections import deque
from typing import Any, Final, NamedTuple

import aiohttp
from yarl import URL

from fleetlm_users.standin.agent.agent_context import limit_of
from fleetlm_users.standin.agent.agents import Agent
from fleetlm_users.standin.agent.builtin_agent import push_chunk
from fleetlm_users.standin.agent.jsonl import BadLine, LineSplitter, parse_line
from fleetlm_users.standin.agent.ui_messages import KIND, Assembler, parse_chunk
from fleetlm_users.standin.chat.hub import Hub
from fleetlm_users.standin.chat.session import Session
from fleetlm_users.standin.chat.stored_message import StoredMessage, history_json, late_history_json, seq_of

LOG = logging.getLogger(__name__)
HEADERS: Final = {"accept": "application/json", "content-type": "application/json", "user-agent": "req/0.5.15"}
REDIRECTS: Final = {301: "GET", 302: "GET", 303: "GET", 307: "POST", 308: "POST"}  # Req keeps the body even for GET
MAX_REDIRECTS: Final = 10
QUIRK_TIMEOUT_S: Final = 600.0  # FleetLM ignores the agent's timeout_ms and waits ten minutes


class WebhookFailed(Exception):
    """The agent gave no usable answer; the client is not notified (wire record)."""


class Job(NamedTuple):
    """One user message to be answered."""

    session: Session
    seq: int


class Webhooks:
    """Webhooks in order per session, sessions concurrently; with `is_serial` one at a time for the whole server."""

    def __init__(self, hub: Hub, *, max_pending: int, connections: int, is_serial: bool = False) -> None:
        self._hub = hub
        self._is_serial = is_serial
        self._max_pending = max_pending
        self._connections = connections
        self._queues: dict[str, deque[Job]] = {}
        self._frozen: dict[str, bytes] = {}
        self.pending = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._client: aiohttp.ClientSession | None = None

    def asked(self, session: Session, message: StoredMessage, content: dict[str, Any]) -> None:
        """Queue one webhook; beyond `max_pending` it is dropped and counted as failed."""
        del content
        if self.pending >= self._max_pending:
            self._hub.counters.webhooks_failed += 1
            return
        lane = "" if self._is_serial else session.id
        queue = self._queues.get(lane)
        self.pending += 1
        if queue is not None:
            queue.append(Job(session, seq_of(message)))
            return
        self._queues[lane] = deque([Job(session, seq_of(message))])
        task = asyncio.get_running_loop().create_task(self._work(lane))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def clear(self) -> None:
        """Give up all webhooks under way."""
        for task in list(self._tasks):
            task.cancel()

    async def close(self) -> None:
        """Give up all webhooks under way, and end."""
        self.clear()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._client is not None:
            await self._client.close()

    async def _work(self, lane: str) -> None:
        """Answer the lane's messages one after the other until none is left."""
        queue = self._queues[lane]
        try:
            while queue:
                await self._answer(queue[0])
                queue.popleft()
                self.pending -= 1
        finally:
            self.pending -= len(queue)
            del self._queues[lane]

    async def _answer(self, job: Job) -> None:
        """Ask the agent; a failure is counted, and no client is notified (wire record)."""
        try:
            await self._ask(job)
        except (WebhookFailed, BadLine, aiohttp.ClientError, OSError, TimeoutError, ValueError) as problem:
            LOG.info("agent webhook failed: %r", problem)
            self._hub.counters.webhooks_failed += 1
        except Exception:  # whatever an agent answers, the next message is asked about
            LOG.exception("agent webhook failed")
            self._hub.counters.webhooks_failed += 1

    async def _ask(self, job: Job) -> None:
        session = job.session
        agent = self._hub.agents.get(session.agent_id)
        if agent is None:
            raise WebhookFailed("not_found")
        if agent.status != "enabled":
            raise WebhookFailed("agent_disabled")
        self._hub.counters.webhooks_called += 1
        if session.is_late:
            await self._ask_late(job, agent)
            return
        history = b",".join(history_json(message) for message in self._hub.history(session, job.seq))
        body = b'{"agent_id":%b,"messages":[%b],"session_id":"%b","user_id":%b}' % (
            session.agent_json,
            history,
            session.id_json,
            session.user_json,
        )
        method, url = "POST", agent.origin_url + agent.webhook_path
        for _ in range(MAX_REDIRECTS):
            async with self._request(method, url, body, agent) as response:
                if response.status not in REDIRECTS:
                    await self._take(session, response)
                    return
                method = REDIRECTS[response.status]
                url = str(response.url.join(URL(response.headers.get("Location", ""))))
        raise WebhookFailed("too many redirects")

    async def _ask_late(self, job: Job, agent: Agent) -> None:
        """Ask as the late protocol does: redirects are not followed, and the transcript may be frozen.

        Under quirks a session's later webhooks carry the body of its first successful one, until a connection error
        ends the session's worker and its queue (late wire record: "The transcript is frozen").
        """
        session = job.session
        body = self._frozen.get(session.id) or late_body(job, limit_of(agent.context))
        try:
            async with self._request("POST", agent.origin_url + agent.webhook_path, body, agent) as response:
                await self._take_chunks(session, response)
        except (aiohttp.ClientError, OSError, TimeoutError):
            self._frozen.pop(session.id, None)
            if self._hub.quirks:
                self._forget_queue(session)
            raise
        if self._hub.quirks:
            self._frozen.setdefault(session.id, body)

    def _forget_queue(self, session: Session) -> None:
        """Drop the queue of the session's worker, except for the current webhook."""
        queue = self._queues.get("" if self._is_serial else session.id)
        if queue is None:
            return
        kept = [job for n, job in enumerate(queue) if n == 0 or job.session is not session]
        self.pending -= len(queue) - len(kept)
        self._hub.counters.webhooks_failed += len(queue) - len(kept)
        queue.clear()
        queue.extend(kept)

    async def _take_chunks(self, session: Session, response: aiohttp.ClientResponse) -> None:
        """Push each line as it arrives and append the message they form; a bad status shows only in the counters."""
        lines, assembler = LineSplitter(), Assembler(self._hub.new_late_id)
        async for part in response.content.iter_any():
            for line in lines.feed(part):
                self._take_chunk(session, assembler, line)
        last = lines.rest()
        if last:
            self._take_chunk(session, assembler, last)
        if not 200 <= response.status < 300:
            raise WebhookFailed(f"http_error {response.status}")

    def _take_chunk(self, session: Session, assembler: Assembler, line: bytes) -> None:
        chunk = parse_chunk(line)
        push_chunk(self._hub, session, chunk)
        if "type" not in chunk:
            raise BadLine("missing type")
        whole = assembler.feed(chunk)
        if whole is not None:
            self._hub.append(session, session.agent_id, KIND, whole.content, whole.metadata)

    def _request(self, method: str, url: str, body: bytes, agent: Agent) -> Any:
        if self._client is None:
            connector = aiohttp.TCPConnector(limit=self._connections)
            self._client = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        has_no_limit = self._hub.quirks and self._hub.protocol == "early"
        wait_s = QUIRK_TIMEOUT_S if has_no_limit else agent.timeout_ms / 1000
        headers = HEADERS | {name.lower(): str(value) for name, value in agent.headers.items()}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=wait_s, sock_read=wait_s)
        return self._client.request(method, url, data=body, headers=headers, timeout=timeout, allow_redirects=False)

    async def _take(self, session: Session, response: aiohttp.ClientResponse) -> None:
        """Append each line as soon as it is complete. Raises WebhookFailed for a status that is not 2xx."""
        if not 200 <= response.status < 300:
            raise WebhookFailed(f"http_error {response.status}")
        lines = LineSplitter()
        async for chunk in response.content.iter_any():
            for line in lines.feed(chunk):
                self._hub.append(session, session.agent_id, *parse_line(line))
        last = lines.rest()
        if last and not self._hub.quirks:  # FleetLM drops a last line without its newline
            self._hub.append(session, session.agent_id, *parse_line(last))


def late_body(job: Job, limit: int) -> bytes:
    """Return the body of a webhook in the late protocol, with the newest `limit` messages up to the one to answer."""
    session = job.session
    messages = session.newest(limit, up_to_seq=job.seq)
    texts = b",".join(late_history_json(message, session.agent_json) for message in messages)
    included = b'{"last_compacted_seq":0,"last_included_seq":%d,"token_count":0}' % job.seq
    context = b'{"metadata":%b,"strategy":"last_n"}' % included
    return b'{"agent_id":%b,"context":%b,"messages":[%b],"session_id":"%b","user_id":%b}' % (
        session.agent_json,
        context,
        texts,
        session.id_json,
        session.user_json,
    )
