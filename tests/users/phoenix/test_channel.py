"""PhoenixUsers in this process, on a small Phoenix application in another: every push and event has its fate."""

import pytest

from fleetlm_users.errors import Disconnected, JoinRefused, PushRefused, ReplyTimeout, RunEnded, UsageError
from fleetlm_users.measure.metrics.phoenix import PUSH_FATES
from fleetlm_users.phoenix import PhoenixUser
from tests.e2e.harness import Server


@pytest.fixture(scope="module")
def application():
    """A small Phoenix application."""
    server = Server("-m", "tests.phoenix_server")
    yield server
    server.stop()


@pytest.fixture
def live(stage, application):
    """Has one user live a journey to its end; returns its counts."""

    def run(journey, **raw):
        class Visitor(PhoenixUser):
            scenario = "visitor"

            @classmethod
            def journeys(cls, options):
                return 1

            @classmethod
            def headers(cls, vu):
                return {"Origin": f"http://user{vu}"}

        Visitor.journey = journey
        ws_url = application.url.replace("http", "ws", 1) + "/socket/websocket"
        made = stage(Visitor, ws_url=ws_url, **raw)
        counts = made.until_idle()
        sent = sum(counts.get(f"pushes_{fate}", 0) for fate in PUSH_FATES)
        assert counts.get("pushes_sent", 0) == sent
        assert counts.get("sessions_started", 0) == sum(
            counts.get(name, 0) for name in ("sessions_completed", "session_failures", "sessions_cut_short")
        )
        return counts

    return run


def test_replies_are_counted_by_what_they_say(live):
    """ok, refused, and none within the reply timeout; a push that awaits none is counted apart."""
    seen = {}

    def journey(user):
        with user.connect() as socket:
            room = socket.join("room:replies", {"name": "ann"})
            seen["welcome"] = room.join_response
            seen["ok"] = room.ask("new_msg", {"body": "four"})
            with pytest.raises(PushRefused, match="not allowed"):
                room.ask("refuse", {})
            with pytest.raises(ReplyTimeout):
                room.ask("ignore", {})
            pushed = room.push("new_msg", {"body": "and on"})
            room.push("ignore", {}, awaits_reply=False)
            socket.settle()
            seen["outcome"] = pushed.outcome

    counts = live(journey)
    assert seen == {"welcome": {"welcome": "ann"}, "ok": {"length": 4}, "outcome": "replied"}
    assert [counts[f"pushes_{fate}"] for fate in ("sent", "replied", "refused", "timed_out")] == [4, 2, 1, 1]
    assert counts["pushes_refused:not allowed"] == 1
    assert counts["pushes_without_reply"] == 1
    assert counts["sessions_completed"] == 1


def test_events_are_awaited_by_name_and_predicate(live):
    """One that came is seen, one that did not is missed; a handler hears each."""
    heard = []

    def journey(user):
        with user.connect() as socket:
            room = socket.join("room:events", {"name": "ann"})
            room.on("new_msg", lambda payload, _done_s: heard.append(payload["body"]))
            second = room.expect("new_msg", lambda payload: payload["body"] == "2", due_s=room.ready_s)
            for body in "12":
                room.ask("new_msg", {"body": body})
            assert room.await_event(second).payload == {"body": "2"}
            with pytest.raises(ReplyTimeout):
                room.wait_for("never", timeout_s=0.05)

    counts = live(journey, reply_timeout="60s")
    assert heard == ["1", "2"]
    assert [counts[f"events_{fate}"] for fate in ("awaited", "seen", "missed")] == [2, 1, 1]


def test_presence_is_the_servers(live):
    """A second connection joins and leaves; the first one sees both."""
    seen = []

    def journey(user):
        with user.connect() as socket:
            room = socket.join("room:presence", {"name": "ann"})
            if "ann" not in room.presence:
                room.wait_for("presence_state")
            seen.append(set(room.presence.state))
            came = room.expect("presence_diff", lambda payload: "bob" in payload["joins"])
            went = room.expect("presence_diff", lambda payload: "bob" in payload["leaves"])
            with user.connect() as other:
                other.join("room:presence", {"name": "bob"})
                room.await_event(came)
                seen.append(set(room.presence.state))
            room.await_event(went)
            seen.append(set(room.presence.state))

    live(journey)
    assert seen == [{"ann"}, {"ann", "bob"}, {"ann"}]


def test_bytes_go_and_come_as_binary_frames(live):
    """The frames are a push, its reply, a push from the server and a broadcast."""
    seen = []

    def journey(user):
        with user.connect() as socket:
            room = socket.join("room:bytes")
            back, everybody = room.expect("bytes_back"), room.expect("bytes_all")
            seen.append(room.ask("bytes", b"\x00\xff1"))
            seen.extend(room.await_event(each).payload for each in (back, everybody))

    counts = live(journey)
    assert seen == [b"1\xff\x00", b"\x00\xff1", b"\x00\xff1"]
    assert counts.get("client_anomalies", 0) == 0


@pytest.mark.parametrize(("event", "kind"), [("crash", "phx_error"), ("shut", "phx_close")])
def test_a_topic_that_ended_is_joined_again_on_request_only(event, kind, live):
    """The push that ended it is lost, and pushes meanwhile are refused."""

    def journey(user):
        with user.connect() as socket:
            room = socket.join("room:ends", {"name": "ann"})
            with pytest.raises(UsageError):
                room.rejoin()
            with pytest.raises(Disconnected, match=kind):
                room.ask(event, {})
            with pytest.raises(Disconnected, match=kind):
                room.push("new_msg", {"body": ""})
            assert room.rejoin() == {"welcome": "ann"}
            assert room.ask("new_msg", {"body": "back"}) == {"length": 4}
            room.leave()
            assert socket.join("room:ends").down is None

    counts = live(journey)
    assert counts[f"pushes_lost:{kind}"] == counts[f"channels_lost:{kind}"] == 1
    assert (counts["rejoins"], counts["joins_attempted"]) == (2, 3)


def test_a_refused_join_fails_the_session(live):
    """It is counted by the server's words."""

    def journey(user):
        with user.connect() as socket:
            socket.join("lobby")

    counts = live(journey)
    assert counts["join_failures:join_refused: unmatched topic"] == 1
    assert counts["session_failures:join_refused"] == 1


def test_a_refused_connect_fails_the_session(live):
    """The failure has the status of the upgrade."""

    def journey(user):
        with pytest.raises(JoinRefused), user.connect(parameters={"token": "good"}) as socket:
            socket.join("lobby")
        with user.connect(parameters={"token": "bad"}):
            raise AssertionError("it connected")

    counts = live(journey)
    assert counts["connection_failures:upgrade_403"] == 1
    assert counts["connections_attempted"] == 2


def test_what_is_open_at_the_end_of_a_run_is_in_flight(stage, application):
    """It is neither lost nor timed out; nothing new begins, and the journey counts as cut short."""
    raised = []

    class Waiter(PhoenixUser):
        scenario = "waiter"

        def journey(self):
            with self.connect() as socket:
                room = socket.join("room:open")
                room.expect("never")
                room.push("ignore", {})
                made.server.activity.set()
                try:
                    socket.hold(60)
                except RunEnded as ended:
                    raised.append(ended)
                    raise

    ws_url = application.url.replace("http", "ws", 1) + "/socket/websocket"
    made = stage(Waiter, ws_url=ws_url, reply_timeout="60s", drain_timeout="100ms")
    made.until(lambda: made.count_of("pushes_sent"))
    counts = made.end()
    assert (counts["pushes_in_flight"], counts["events_open"], counts["sessions_cut_short"]) == (1, 1, 1)
    assert raised


def test_code_of_ones_own_that_raises_is_told_and_ends_no_user(stage, application, caplog):
    """A predicate raises where it is awaited, and is always reported; a handler is reported, and others still run."""
    heard, raised = [], []

    class Faulty(PhoenixUser):
        scenario = "faulty"

        @classmethod
        def journeys(cls, options):
            return 1

        def journey(self):
            with self.connect() as socket:
                room = socket.join("room:faulty")
                room.on("new_msg", lambda payload, done_s: payload["none"])
                room.on("new_msg", lambda payload, done_s: heard.append(payload["body"]))
                waited = room.expect("new_msg", lambda payload: payload["absent"])
                room.expect("new_msg", lambda payload: payload["missing"])
                shown = room.expect("new_msg", lambda payload: payload["body"] == "1")
                room.ask("new_msg", {"body": "1"})
                room.await_event(shown)
                with pytest.raises(KeyError, match="absent"):
                    room.await_event(waited)

    ws_url = application.url.replace("http", "ws", 1) + "/socket/websocket"
    made = stage(Faulty, ws_url=ws_url)
    made.environment.events.user_error.add_listener(lambda exception, **_: raised.append(str(exception)))
    counts = made.until_idle()
    assert heard == ["1"]
    assert sorted(raised) == ["'missing'", "'none'"]
    assert [counts[f"events_{fate}"] for fate in ("awaited", "seen", "missed")] == [3, 1, 2]
    assert counts["events_missed:where_raised_KeyError"] == 2
    assert "the handler of new_msg on room:faulty raised KeyError; it is counted, and logged once" in caplog.text


def test_an_event_that_nothing_has_caused_is_not_waited_for_once_the_run_ends(stage, application):
    """Those who would cause it are silent then; it is open, and neither missed nor a failure of the journey."""
    raised = []

    class Listener(PhoenixUser):
        scenario = "listener"

        def journey(self):
            with self.connect() as socket:
                room = socket.join("room:silence")
                made.server.activity.set()
                try:
                    room.wait_for("never", timeout_s=3600)
                except RunEnded as ended:
                    raised.append(ended)
                    raise

    ws_url = application.url.replace("http", "ws", 1) + "/socket/websocket"
    made = stage(Listener, ws_url=ws_url, drain_timeout="1h")
    made.until(lambda: made.count_of("events_awaited"))
    counts = made.end()
    assert (counts["events_open"], counts.get("events_missed", 0), counts["sessions_cut_short"]) == (1, 0, 1)
    assert raised
