"""The objects that a process's users share: addresses looked up once, and time limits as requested."""

import gevent
import pytest
from gevent import socket
from gevent.event import Event

from fleetlm_users.client import Address
from fleetlm_users.errors import ConnectFailed, RestFailed
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.swarm.run import Run
from fleetlm_users.swarm.stats.events import RunEvents
from fleetlm_users.users.session import UserSession
from fleetlm_users.users.shared_client import SharedClient, resolver_of, shared_client_of
from fleetlm_users.workload.options.tracing import traces_of
from tests.swarm.samples import numbering, options

HOSTS = {"api_url": "http://fleet.test:9/api", "ws_url": "ws://fleet.test:9/socket/websocket"}


@pytest.fixture
def run():
    return Run(options(**HOSTS), "epoch", numbering(), Ledger(DEFAULT, "epoch", "local"), RunEvents())


def waits_of(run):
    return sum(run.ledger.trend("name_lookup_ms", "", phase).count for phase in ("warm_up", "main"))


def test_users_that_begin_at_once_wait_for_one_look_up_and_each_wait_is_counted(run):
    """It is the generator's own lateness: in a metric of its own, and in no latency."""
    go, asked = Event(), []

    def look_up(host):
        asked.append(host)
        go.wait()
        return [Address(socket.AF_INET, "127.0.0.1")]

    client = SharedClient(run.options, resolver=resolver_of(run, look_up))
    users = [gevent.spawn(client.await_names) for _ in range(20)]
    gevent.idle()
    go.set()
    gevent.joinall(users, raise_error=True)
    client.await_names()
    assert asked == ["fleet.test"]  # REST and sockets have the same host
    assert waits_of(run) == 20
    client.close()


def test_a_session_begins_when_the_names_are_known(run):
    """A look-up is part of no session's time, not even the whole journey's; its failure is the session's."""
    told, waited = [], []

    def look_up(host):
        waited.append(host)
        raise socket.gaierror(-2, "Name or service not known")

    client = SharedClient(run.options, resolver=resolver_of(run, look_up))
    run.resource(SharedClient, lambda: client)
    run.events.session_created.add_listener(lambda exception, **_: told.append((exception.kind, bool(waited))))
    session = UserSession(run, shared_client_of(run), "burst", participant_id="u1", payloads=iter(()))
    with pytest.raises(RestFailed, match=r"the name fleet\.test cannot be resolved") as caught:
        session.open({})
    assert caught.value.kind == "dns"
    assert told == [("dns", True)]
    assert waited == ["fleet.test"]  # not asked again by the step that needs the name
    session.close()
    client.close()


def test_an_address_needs_no_look_up(run):
    """Every load whose target is an address is such."""
    client = SharedClient(options(api_url="http://127.0.0.1:9/api", ws_url="ws://[::1]:9/socket/websocket"))
    client.await_names()
    assert waits_of(run) == 0
    client.close()


def test_time_limits_are_those_that_were_asked_for():
    """--connect-timeout is for sockets and REST, as its help says."""
    client = SharedClient(options(connect_timeout="7s", reply_timeout="9s"))
    assert client.rest._pool.timeout_s == 7.0
    assert client._socket_options.connect_timeout_s == 7.0
    client.close()


def test_what_a_person_has_to_do_is_logged_once(caplog):
    """A run goes on when a server begins to redirect, and its report has only kinds."""
    client = SharedClient(options())
    redirected = RestFailed("POST", "/api/sessions", "http_307", 307, "it redirects to https://h/: set -H https://h")
    for problem in (
        redirected,
        redirected,
        ConnectFailed("ws://h", "upgrade_401", "asks for a login", 401),
        RestFailed("POST", "/api/sessions", "http_500", 500, "oops"),
        RestFailed("POST", "/api/sessions", "timeout", None, "no answer"),
    ):
        client.warn_once(problem)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 2
    assert "set -H https://h" in caplog.text
    assert "asks for a login" in caplog.text
    client.close()


def test_a_traced_message_carries_its_context_in_metadata_and_header():
    """The same in both, over either way in; a message that is not traced carries nothing."""
    traced = SharedClient(options(traceparent=True, **HOSTS))
    asked = []
    traced.rest.append_message = lambda session_id, body, traceparent: asked.append((body["metadata"], traceparent))
    context = traces_of(options(traceparent=True)).of_message("r1-1-1-1").header
    traced.append_message("s1", "u1", {"text": "x", "client_ref": "r1-1-1-1"})
    assert asked == [({"traceparent": context}, context)]
    assert traced.metadata_of("r1-1-1-1") == {"traceparent": context}
    traced.close()
    plain = SharedClient(options(**HOSTS))
    plain.rest.append_message = lambda session_id, body, traceparent: asked.append((body, traceparent))
    plain.append_message("s1", "u1", {"text": "x", "client_ref": "r1-1-1-1"})
    assert asked[1:] == [({"sender_id": "u1", "kind": "text", "content": {"text": "x", "client_ref": "r1-1-1-1"}}, "")]
    assert plain.metadata_of("r1-1-1-1") == {}
    plain.close()
