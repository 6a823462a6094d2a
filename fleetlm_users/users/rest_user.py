"""RestUser: a virtual user whose sessions live over REST alone."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from fleetlm_users.errors import ClientError
from fleetlm_users.users.rest_session import RestSession
from fleetlm_users.users.shared_client import shared_client_of
from fleetlm_users.users.user import RETRY_PAUSE_S, FleetUser
from fleetlm_users.workload.options.audit import AUTO, is_audited, way_of
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.payload import Payloads, session_prefix


class RestUser(FleetUser):
    """A user that appends and reads over REST, in a closed loop; the agent's answers are ignored."""

    abstract = True
    follows_agent = False
    sends_over_rest = True

    @classmethod
    def needed(cls, options: Options) -> Mapping[str, str]:
        """Return what the protocol must support; an audit looks for a message by the seq of its append."""
        if not is_audited(options) or way_of(options) == AUTO:
            return cls.needs
        reason = (
            "a protocol whose REST appends say the seq of a message, by which --audit looks for it: leave --audit out"
        )
        return {**cls.needs, "numbers_appends": reason}

    @classmethod
    def waits_for(cls, options: Options) -> frozenset[str]:
        """Return the append: each one is awaited."""
        del options
        return frozenset(("append",))

    @contextmanager
    def rest_session(self) -> Iterator[RestSession]:
        """Create a session for a `with` block; its end is reported, whatever happens.

        Yields:
            The session.

        Raises:
            ClientError: It cannot be created, or a step in the block failed.
        """
        self._sessions += 1
        options, run = self.current_run.options, self.current_run
        prefix = session_prefix(options.run_id, self.vu, self._sessions)
        payloads = Payloads(lambda: self.rng, prefix, options.message_bytes)
        session = RestSession(run, shared_client_of(run), self.scenario, self.participant_id, payloads)
        problem: ClientError | None = None
        try:
            self._open(session)
            yield session
        except ClientError as failure:
            problem = failure.with_traceback(None)
        except BaseException:
            session.close()
            raise
        self._end_session(session, problem, delete=False)
        if problem is not None:
            raise problem

    def wait_after_failure(self) -> float:
        """Wait a moment, so that a failing server does not meet a storm; return when the next call is due."""
        self.wait_until(time.perf_counter() + RETRY_PAUSE_S)
        return time.perf_counter()
