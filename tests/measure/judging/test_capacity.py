"""A step of a search: judged on its own time, and never the server's fault when the generator was at its limit."""

import pytest
from msgspec.structs import replace

from fleetlm_users.measure.generator_limits import Limits
from fleetlm_users.measure.judging.capacity import ANSWERS, APPENDS, Border, StepBorders, judge_step, step_backlogs
from fleetlm_users.measure.judging.held_backlog import HeldBacklog
from fleetlm_users.measure.judging.recovery import OpenMessages
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.ledger import Ledger
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.measure.metrics.metric import MAIN, WARM_UP
from fleetlm_users.measure.snapshot_store import SnapshotStore

THRESHOLDS = "ws_join_ms: p(95)<100; append_latency_ms: p(95)<50; message_success_rate: rate>0.9"
HOLD_S = 10.0


class Story:
    """A run in which borders can be taken at any moment."""

    def __init__(self):
        self.merge, self.ledger, self.seq = SnapshotStore("run"), Ledger(DEFAULT, "run", "worker"), 0

    def join(self, n, join_us=5_000):
        self.ledger.gauge("active_connections", "capacity", n)
        for _ in range(n):
            self.ledger.trend("ws_join_ms", "capacity", MAIN).add(join_us)

    def messages(self, n=100, latency_us=1_000, lost=0, late_us=100):
        self.ledger.count("messages_sent", "capacity", MAIN, n)
        self.ledger.count("messages_appended", "capacity", MAIN, n - lost)
        self.ledger.count("messages_lost", "capacity", MAIN, lost)
        for _ in range(n):
            self.ledger.trend("append_latency_ms", "capacity", MAIN).add(latency_us)
            self.ledger.trend("generator_lateness_ms", "capacity", MAIN).add(late_us)

    def border(self):
        self.seq += 1
        self.merge.absorb("worker", self.ledger.snapshot(self.seq, final=False, elapsed_s=10.0 * self.seq))
        return Border(self.merge.totals(), self.merge.workers)


def nothing(_story):
    """Nothing happens."""


def step(  # the parts of a story
    *,
    load=50,
    up=lambda story: story.join(50),
    hold=lambda story: story.messages(),
    after=nothing,
    thresholds=THRESHOLDS,
    **facts,
):
    """Return the step of a story: before it, on the way up, while held, and until the last answers came."""
    story = Story()
    story.messages(500, latency_us=900_000, lost=400, late_us=900_000)
    began = story.border()
    up(story)
    settled = story.border()
    hold(story)
    held = story.border()
    after(story)
    borders = StepBorders(began, settled, held, story.border())
    given = {"backlogs": {}, **facts}
    return judge_step(
        parse_thresholds(thresholds.split(";")), borders, load=load, hold_s=HOLD_S, limits=Limits(), **given
    )


def test_a_step_that_keeps_everything():
    """Earlier events do not matter; the figures are those of the hold, joins those of the way up."""
    found = step()
    assert found.outcome == "kept"
    assert (found.misses, found.doubts, found.joined) == ((), (), 50)
    assert [judgement.ok for judgement in found.judgements] == [True, True, True]
    assert found.figures["messages_per_s"] == 10.0
    assert found.figures["append_p95_ms"] == 1.0
    assert found.figures["join_p95_ms"] == 5.0


@pytest.mark.parametrize(
    ("changed", "miss"),
    [
        ({"hold": lambda story: story.messages(latency_us=80_000)}, "append_latency_ms: p(95)<50: 80."),
        ({"hold": lambda story: story.messages(lost=20)}, "message_success_rate: rate>0.9: 80.00 %"),
        ({"up": lambda story: story.join(50, join_us=200_000)}, "ws_join_ms: p(95)<100: 200.0 ms"),
        ({"load": 80}, "only 50 of 80 sessions were joined"),
        ({"hold": lambda story: None}, "append_latency_ms: p(95)<50: no samples"),
    ],
)
def test_what_the_server_does_not_keep_is_named(changed, miss):
    """The reason is the threshold with its measured value, or the missing sessions."""
    found = step(**changed)
    assert found.outcome == "missed"
    assert any(told.startswith(miss) for told in found.misses), found.misses


def test_one_session_in_a_hundred_may_be_between_two_lives():
    """It is so at the very moment of counting."""
    assert step(load=100, up=lambda story: story.join(99)).outcome == "kept"
    assert step(load=100, up=lambda story: story.join(98)).outcome == "missed"


@pytest.mark.parametrize("opened", [0, 5])
def test_of_the_opening_of_sessions_nothing_is_asked_where_too_few_were_opened(opened):
    """A percentile of five joins means nothing; the sessions of the step before are still there."""

    def up(story):
        story.join(opened, join_us=500_000)
        story.ledger.gauge("active_connections", "capacity", 50 - opened)

    found = step(up=up)
    assert found.outcome == "kept"
    assert [judgement.threshold.metric for judgement in found.judgements] == [
        "append_latency_ms",
        "message_success_rate",
    ]


@pytest.mark.parametrize("lost", [0, 50])
def test_a_late_generator_says_nothing_of_the_server(lost):
    """It shows neither that the server kept the load nor that it missed."""
    found = step(hold=lambda story: story.messages(lost=lost, late_us=300_000))
    assert found.outcome == "limited"
    assert "the generator was late" in found.doubts[0]


def test_what_only_lateness_explains_is_no_miss_of_the_server():
    """Counted from sending it kept the bound; a miss from sending stays a miss, and the step stays the generator's."""

    def hold(story, service_us=2_000):
        story.messages(latency_us=302_000, late_us=300_000)
        for _ in range(100):
            story.ledger.trend("append_service_ms", "capacity", MAIN).add(service_us)

    late, slow = step(hold=hold), step(hold=lambda story: hold(story, 90_000))
    assert (late.outcome, late.misses) == ("limited", ())
    assert [judgement.late for judgement in late.judgements] == [False, True, False]
    assert slow.outcome == "limited"
    assert slow.misses[0].startswith("append_latency_ms: p(95)<50")


def starved(readings, all_readings):
    def hold(story):
        story.messages()
        for number in range(all_readings):
            story.ledger.level("worker_cpu_percent", 99.0 if number < readings else 20.0)

    return hold


def test_a_worker_short_of_cpu_is_named():
    """A few readings are not a shortage."""
    found = step(hold=starved(5, 10))
    assert found.outcome == "limited"
    assert "worker worker was short of CPU: above 90 % of a core in 5 of 10 readings" in found.doubts[0]
    assert step(hold=starved(2, 2)).outcome == "kept"
    assert step(hold=starved(3, 20)).outcome == "kept"


def test_answers_that_come_after_the_hold_count():
    """A step that was judged on the early ones would look better than it was."""

    def hold(story):
        story.messages(90)

    def after(story):
        story.messages(10, latency_us=9_000_000)

    found = step(hold=hold, after=after)
    assert found.outcome == "missed"
    assert found.figures["append_p95_ms"] == pytest.approx(9_000, rel=0.01)
    assert found.figures["messages_per_s"] == 10.0
    assert found.latencies["append_latency_ms"] == pytest.approx((1.0, 9_000), rel=0.01)


def test_what_is_no_message_counts_by_the_time_of_the_hold():
    """A disconnect while the last answers are awaited does not count for the step."""
    for moment, outcome in (("hold", "missed"), ("after", "kept")):

        def broken(story):
            story.messages()
            story.ledger.count("disconnects", "capacity", MAIN, 5)

        steps = {"hold": broken} if moment == "hold" else {"after": broken}
        assert step(**steps, thresholds="disconnects: count<1; append_latency_ms: p(95)<50").outcome == outcome


def test_messages_between_the_steps_belong_to_none():
    """That includes messages due before and messages due after."""

    def others(story):
        story.ledger.count("messages_sent", "capacity", WARM_UP, 50)
        story.ledger.count("messages_lost", "capacity", WARM_UP, 50)

    assert step(up=lambda story: (story.join(50), others(story)), after=others).outcome == "kept"


BEHIND = HeldBacklog(True, 92.0, 490.0, 1_846, 4.6)
KEPT_UP = HeldBacklog(False, 0.1, 490.0, 400, 0.8)


def test_a_server_that_does_not_keep_up_is_the_first_reason():
    """Even when every threshold is kept."""
    found = step(backlogs={APPENDS: KEPT_UP, ANSWERS: BEHIND})
    assert found.is_behind
    assert found.outcome == "missed"
    assert found.misses == (
        "the server did not keep up: agent answers fell behind by 92.0/s of the 490.0/s sent; 1,846 were waiting at "
        "the end, 4.6 s of the server's own rate",
    )


def test_a_server_that_finishes_nothing_has_no_rate_to_tell_what_waits():
    """It only has an amount."""
    stuck = HeldBacklog(True, 490.0, 490.0, 4_900, None)
    assert step(backlogs={ANSWERS: stuck}).misses[0].endswith("4,900 were waiting at the end")


def test_a_step_whose_messages_have_no_fate_says_nothing_of_the_server():
    """Unless it is known to have fallen behind."""
    left = OpenMessages(2, 1)
    found = step(left_open=left)
    assert found.outcome == "limited"
    assert found.doubts == ("the fate of 3 messages of the step is unknown",)
    assert step(left_open=left, backlogs={ANSWERS: BEHIND}).outcome == "missed"
    assert step(left_open=OpenMessages(0, 0)).outcome == "kept"


def test_the_backlogs_of_a_hold_are_those_of_its_seconds():
    """The second before it is included; a second without data is left out."""
    rows = [
        {"second": second, "sent": 100, "replies_due": 90, "append_backlog": 3, "agent_backlog": 50 * (second - 4)}
        for second in range(12)
        if second != 7
    ]
    found = step_backlogs(rows, 5, 10, follows_agent=True)
    assert found[ANSWERS].is_behind
    assert found[ANSWERS].waiting == 250
    assert found[ANSWERS].arrivals_per_s == 90
    assert not found[APPENDS].is_behind
    assert (found[APPENDS].waiting, found[APPENDS].arrivals_per_s) == (3, 100)
    assert list(step_backlogs(rows, 5, 10, follows_agent=False)) == [APPENDS]


def test_a_step_whose_load_was_not_made_stands_for_another_load():
    """Users that a lost worker took with it, or messages that were never sent: the generator's limit."""
    missing = step(users=40)
    assert missing.outcome == "limited"
    assert missing.doubts == ("only 40 of 50 users ran",)
    few = step(users=50, asked_messages=200.0)
    assert few.doubts == ("only 100 of 200 messages were sent",)
    assert step(users=50, asked_messages=105.0).outcome == "kept"


def test_messages_that_could_not_be_sent_because_sessions_broke_are_the_servers_fault():
    """The same goes for sessions that never joined."""

    def broken(story):
        story.messages()
        story.ledger.count("disconnects", "capacity", MAIN, 7)

    found = step(users=50, asked_messages=200.0, hold=broken)
    assert found.outcome == "missed"
    assert found.misses == ("only 100 of 200 messages were sent: sessions broke 7 times",)
    assert step(load=80, users=80, asked_messages=320.0).misses == ("only 50 of 80 sessions were joined",)


def test_sessions_of_a_lost_worker_are_not_joined():
    """Its last report says that they are."""
    story = Story()
    began = story.border()
    story.join(50)
    settled = story.border()
    story.messages()
    held = story.border()
    borders = StepBorders(began, settled, replace(held, present=Story().border().totals), held)
    found = judge_step(
        parse_thresholds(["messages_lost: count<1"]), borders, load=50, hold_s=HOLD_S, limits=Limits(), backlogs={}
    )
    assert found.joined == 0
    assert found.misses[0] == "only 0 of 50 sessions were joined"


@pytest.mark.parametrize(
    ("waiting_s", "starved", "outcome"), [(10.0, False, "missed"), (3.0, False, "limited"), (10.0, True, "limited")]
)
def test_a_server_far_behind_is_so_however_late_the_generator_was(waiting_s, starved, outcome):
    """It is behind by twenty times its lateness; without CPU to read the answers, the generator proves nothing."""

    def hold(story):
        story.messages(late_us=300_000)
        for _ in range(10 * starved):
            story.ledger.level("worker_cpu_percent", 99.0)

    found = step(hold=hold, backlogs={ANSWERS: HeldBacklog(True, 92.0, 490.0, 4_900, waiting_s)})
    assert found.doubts
    assert found.outcome == outcome
