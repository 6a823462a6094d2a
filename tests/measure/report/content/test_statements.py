"""The sentences at the top of a report: each has its rule, the most important comes first, and figures support them."""

from xml.etree import ElementTree

import pytest

from fleetlm_users.measure.report.content.statements import MOST, statements
from fleetlm_users.measure.report.html import render_html
from fleetlm_users.measure.report.junit import render_junit
from fleetlm_users.measure.report.markdown import render_markdown
from fleetlm_users.measure.report.text import render
from fleetlm_users.protocol.observer import SentMessage


def texts(summary):
    return [statement.text for statement in statements(summary)]


def against(*sentences, more=0):
    """Return the result of a comparison with an earlier run."""
    told = [{"text": text, "metric": metric} for text, metric in sentences]
    return {"run_id": "r0", "path": "r0", "answer": "regression", "exit_code": 3, "sentences": told, "more": more}


def backlog(queue="agent", is_growing=True, scenario=""):
    return {"queue": queue, "scenario": scenario, "is_growing": is_growing, "per_s": 12.34, "waiting": 1234}


def slow(ledger, metric, lateness_s, n=3):
    for number in range(n):
        message = SentMessage(f"r1-1-1-{number}", 10.0, 10.0 + lateness_s, "main")
        message.appended_s = 10.5
        ledger.slowest(metric, "burst", "main").add(0.5, message, 10.5 if metric[1] == "p" else 11.0, "s")


def test_a_run_that_kept_all_says_so_and_nothing_else(summary_of, healthy):
    """It says how much that rests on."""
    told, _ = summary_of(healthy)
    assert texts(told) == ["The one threshold was kept, on 200 messages."]


def test_without_a_threshold_nothing_is_proven(summary_of, healthy):
    """The measurements do not matter."""
    told, _ = summary_of(healthy)
    told["thresholds"] = []
    assert texts(told) == ["No threshold was given, so the run proves nothing."]


def test_what_cannot_be_decided_is_no_miss(summary_of, healthy):
    """It is counted."""
    told, _ = summary_of(
        healthy, thresholds="append_latency_ms: p(95)<900; append_latency_ms{scenario:burst}: p(99.9)<9"
    )
    assert texts(told)[0] == "1 of 2 thresholds was kept and none was missed, on 200 messages; 1 cannot be decided."


def test_a_threshold_that_had_nothing_to_judge_was_not_kept(summary_of, healthy):
    """A default that a run of seconds cannot judge does not speak against it, and is not called kept."""
    told, _ = summary_of(healthy)
    entry = told["thresholds"][0] | {"measured": None, "problem": "too short to tell"}
    told["thresholds"].append(entry)
    first, *_ = texts(told)
    assert first == "1 of 2 thresholds was kept and none was missed, on 200 messages; 1 had too little to judge."
    assert f"– {entry['expression']}" in render(told)
    assert "➖" in render_markdown(told)
    suite = ElementTree.fromstring(render_junit(told))
    assert (suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("0", "0", "1")
    missed = entry | {"measured": 1.0, "ok": False}
    told["thresholds"] = [*told["thresholds"], missed]
    assert "1 was kept and 1 was missed, on 200 messages; 1 had too little to judge." in texts(told)[0]


def test_the_threshold_furthest_from_its_bound_is_named(summary_of, healthy):
    """Its chart is linked; missed and undecidable thresholds are counted separately."""
    told, _ = summary_of(
        healthy,
        thresholds="append_latency_ms: p(95)<1; ws_join_ms: max<0.1; append_latency_ms{scenario:burst}: p(99.9)<9",
    )
    first, second, *_ = statements(told)
    assert first.text == "Of 3 thresholds 0 were kept and 2 were missed, on 200 messages; 1 cannot be decided."
    assert second.text == "Furthest off is ws_join_ms: max<0.1: 0.900 ms, 9.0 times its bound."
    assert second.anchor == "join-latency"


def test_the_worst_window_is_named(summary_of, healthy):
    """The time is that of the run, as in the chart."""
    told, _ = summary_of(healthy, thresholds="append_latency_ms: p(95)<1")
    told["thresholds"][0]["worst_window_s"] = [70, 100]
    assert "1.5 times its bound, from 1:10 to 1:40 of the run." in texts(told)[1]


def test_when_a_latency_began_to_be_beyond_its_bound_is_named(summary_of, healthy):
    """It requires that the run's seconds show it."""
    told, _ = summary_of(healthy, thresholds="append_latency_ms: p(95)<1")
    told["thresholds"][0]["began_s"] = 70
    assert "1.5 times its bound, beyond it since 1:10 of the run." in texts(told)[1]


def test_the_worst_second_of_a_stall_is_named(summary_of, healthy):
    """It applies if no longer stretch was beyond the bound."""
    told, _ = summary_of(healthy, thresholds="append_latency_ms: p(95)<1")
    told["thresholds"][0]["worst_s"] = 10
    assert "1.5 times its bound, at its worst at 0:10 of the run." in texts(told)[1]


@pytest.mark.parametrize(("slower_us", "is_named"), [(9_000, True), (1_500, False)])
def test_a_behaviour_is_named_where_it_stands_out(summary_of, slower_us, is_named):
    """The same figure is compared; a little more than the next one is not a cause."""

    def write(ledger):
        for scenario, value_us in (("burst", 1_400), ("churn", slower_us)):
            ledger.counter("messages_sent", scenario, "main").n += 200
            ledger.counter("messages_appended", scenario, "main").n += 200
            for _ in range(200):
                ledger.trend("append_latency_ms", scenario, "main").add(value_us)

    told, _ = summary_of(write, thresholds="append_latency_ms: p(95)<1")
    assert ("slowest in churn" in texts(told)[1]) is is_named


@pytest.mark.parametrize(
    ("metric", "lateness_s", "words"),
    [
        ("append_latency_ms", 0.4, "the generator's own delay before it sent them"),
        ("append_latency_ms", 0.0, "the server's, from send to broadcast"),
        ("agent_latency_ms", 0.4, "the agent's answer"),
    ],
)
def test_the_slow_part_of_the_slowest_messages_is_named(summary_of, healthy, metric, lateness_s, words):
    """Generator, server or agent."""

    def write(ledger):
        healthy(ledger)
        ledger.trend("agent_latency_ms", "burst", "main").add(500_000)
        slow(ledger, metric, lateness_s)

    told, _ = summary_of(write, thresholds=f"{metric}: max<1")
    assert f"In 3 of the 3 slowest such messages, the longest part was {words}." in texts(told)


def test_a_backlog_that_grew_is_named(summary_of, healthy):
    """It is the backlog of all scenarios together; one that did not grow is not named."""
    told, _ = summary_of(healthy)
    told["backlogs"] = [
        backlog("append", is_growing=False),
        backlog(),
        backlog(scenario="burst"),
        backlog(is_growing=None),
    ]
    assert texts(told)[1:] == [
        "The server fell behind: messages waiting for the agent grew by 12.3/s, to 1,234 when sending stopped."
    ]


def test_the_most_serious_trouble_is_named_with_its_kinds(summary_of, healthy):
    """Others are counted; trouble in the warm-up alone does not count."""

    def write(ledger):
        healthy(ledger)
        ledger.count("messages_lost", "burst", "main", 3, "timeout")
        ledger.count("seq_gaps", "burst", "main", 1)
        ledger.count("disconnects", "burst", "warm_up", 1, "closed_1000")

    told, _ = summary_of(write)
    assert texts(told)[-1] == "messages_lost: 3 (timeout 3), and 1 more kind of trouble."


def test_a_search_is_told_by_its_result(summary_of, healthy):
    """Its thresholds are those of each step."""
    told, _ = summary_of(healthy, thresholds="append_latency_ms: p(95)<1")
    told["capacity"] = {"words": "at least 40 users"}
    assert texts(told)[0] == "At least 40 users."
    assert not any("Furthest" in text for text in texts(told))


def test_there_are_few_and_the_baseline_comes_last(summary_of, healthy):
    """A list of everything would be a report again."""
    told, _ = summary_of(
        lambda ledger: (
            healthy(ledger),
            slow(ledger, "append_latency_ms", 0.4),
            ledger.count("seq_gaps", "burst", "main"),
        ),
        thresholds="append_latency_ms: p(95)<1",
    )
    told["backlogs"] = [backlog(), backlog("append")]
    told["baseline"] = against(("Against run r0: regression.", ""))
    said = texts(told)
    assert len(said) == MOST + 1
    assert said[-1] == "Against run r0: regression."


def test_what_differs_from_the_baseline_leads_to_its_chart(summary_of, healthy):
    """Or to the table of its kind; how many differences are left out is said, in every report."""
    told, store = summary_of(healthy)
    told["baseline"] = against(
        ("Against run r0: regression.", ""),
        ("append_latency_ms p(95) is worse.", "append_latency_ms"),
        ("message_success_rate rate is better.", "message_success_rate"),
        ("messages_sent count is better.", "messages_sent"),
        ("gone p(95) is worse.", "gone"),
        more=2,
    )
    page = render_html(told, list(store.table()))
    for text, anchor in (
        ("Against run r0", "thresholds"),
        ("append_latency_ms p(95)", "append-latency"),
        ("message_success_rate", "messages"),
        ("messages_sent", "counts"),
        ("gone", "thresholds"),
        ("… and 2 more differences", "thresholds"),
    ):
        assert f'<a href="#{anchor}">{text}' in page
        assert f'id="{anchor}"' in page
    for report in (render(told, 100), render_markdown(told).replace("\\", "")):
        assert "append_latency_ms p(95) is worse." in report
        assert "2 more differences" in report


def test_every_report_has_them_and_links_lead_somewhere(summary_of, healthy):
    """A chart that is not on the page is not a target."""
    told, store = summary_of(healthy, thresholds="append_latency_ms: p(95)<1")
    text = texts(told)[1]
    assert " ".join(text.split()) in " ".join(render(told, 100).split())
    assert "Furthest off is" in render_markdown(told)
    assert '<a href="#append-latency">Furthest off' in render_html(told, list(store.table()))
    assert 'id="append-latency"' in render_html(told, list(store.table()))
    assert '<a href="#thresholds">Furthest off' in render_html(told, [])


def storm(back_s, **more):
    """Return the result of a reconnect storm, as far as the sentence reads it."""
    missed = {"all": 0, "replayed": 0, "pushed": 0, "not_brought": 0}
    return {"cut": 20, "back": 20, "back_s": {"50 %": 0.1, "95 %": back_s}, "missed": missed} | more


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (storm(0.2529), "95 % of the 20 sessions that lost their connection were back after 0.253 s."),
        (storm(None, back=12), "Of the 20 sessions that lost their connection only 12 came back."),
        (
            storm(1.5, missed={"all": 220, "replayed": 219, "pushed": 1, "not_brought": 0}),
            "95 % of the 20 sessions that lost their connection were back after 1.5 s; all 220 messages that they "
            "missed were delivered.",
        ),
        (
            storm(1.5, missed={"all": 220, "replayed": 217, "pushed": 0, "not_brought": 3}),
            "95 % of the 20 sessions that lost their connection were back after 1.5 s; 3 of 220 missed messages never "
            "arrived.",
        ),
    ],
)
def test_a_storm_says_who_is_back_and_what_was_missed(summary_of, healthy, what, said):
    """The link leads to its section."""
    told, _ = summary_of(healthy)
    told["storm"] = what
    assert texts(told)[1:] == [said]
    assert statements(told)[1].anchor == "storm"


def test_what_a_storm_cuts_did_not_go_wrong(summary_of, healthy):
    """Other kinds of the same trouble did; without a storm nothing was cut on purpose."""

    def fill(ledger):
        healthy(ledger)
        for kind, n in (("cut", 20), ("closed_1006", 2)):
            ledger.count("disconnects", "burst", "main", n, kind)
        ledger.count("messages_lost", "burst", "main", 5, "cut")

    told, _ = summary_of(fill)
    assert texts(told)[-1] == "disconnects: 22 (cut 20, closed_1006 2), and 1 more kind of trouble."
    told["storm"] = storm(0.2)
    assert texts(told)[-1] == "disconnects: 2 (closed_1006 2)."


def failing(ledger):
    """Return two behaviours, one of which loses messages."""
    for scenario, n_lost in (("burst", 1), ("churn", 9)):
        ledger.counter("messages_sent", scenario, "main").n += 100
        ledger.counter("messages_appended", scenario, "main").n += 100 - n_lost
        ledger.count("messages_lost", scenario, "main", n_lost, "timeout")
    ledger.count("seq_gaps", "burst", "main", 3)
    ledger.count("missed_not_brought", "burst", "main", 2)
    ledger.count("messages_audited", "burst", "main", 10)
    ledger.count("messages_stored", "burst", "main", 9)


@pytest.mark.parametrize(
    ("thresholds", "moment", "said", "anchor"),
    [
        (
            "messages_lost: count==0; message_success_rate: rate>0.99",
            {"began_s": 70},
            "message_success_rate: rate>0.99 was missed: 95.00 %, beyond its bound since 1:10 of the run, "
            "most failures in churn.",
            "messages",
        ),
        (
            "message_success_rate{scenario:churn}: rate>0.99",
            {},
            "message_success_rate{scenario:churn}: rate>0.99 was missed: 91.00 %.",
            "messages",
        ),
        (
            "messages_lost: count==0; message_failures: count<2",
            {"first_s": 9},
            "messages_lost: count==0 was missed: 10, first counted at 0:09 of the run, most of them in churn.",
            "failures",
        ),
        (
            "seq_gaps: count==0",
            {"first_s": 61},
            "seq_gaps: count==0 was missed: 3, the first gap noticed at 1:01 of the run, all of them in burst.",
            "counts",
        ),
        (
            "missed_not_brought: count==0",
            {"first_s": 12},
            "missed_not_brought: count==0 was missed: 2, the first such absence begun at 0:12 of the run, "
            "all of them in burst.",
            "counts",
        ),
        (
            "durability_rate: rate==1",
            {"first_s": 0},
            "durability_rate: rate==1 was missed: 90.00 %, the first such message acknowledged at 0:00 of the run, "
            "all failures in burst.",
            "rates",
        ),
    ],
)
def test_the_failures_that_weigh_most_are_named(summary_of, thresholds, moment, said, anchor):
    """A share comes before a count; the sentence has the moment if the seconds tell it, and the behaviour with most."""
    told, _ = summary_of(failing, thresholds=thresholds)
    for entry in told["thresholds"]:
        entry.update(moment)
    assert statements(told)[1] == (said, anchor)


def test_a_count_that_is_too_small_is_no_failure(summary_of, healthy):
    """The number of missed thresholds says it."""
    told, _ = summary_of(healthy, thresholds="messages_sent: count>900")
    assert texts(told) == ["Of 1 threshold 0 were kept and 1 was missed, on 200 messages."]


def test_what_had_no_samples_is_named_where_nothing_else_explains_the_failure(summary_of, healthy):
    """A read that contains nothing of what was written checks nothing."""
    told, _ = summary_of(healthy, thresholds="lifecycle_total_ms: max<60000; message_roundtrip_ms: max<60000")
    assert [entry["measured"] for entry in told["thresholds"]] == [None, None]
    expression = told["thresholds"][0]["expression"]
    assert texts(told)[1] == f"{expression} and 1 more had no samples, and a threshold without samples fails."
    told["thresholds"].append(told["thresholds"][0] | {"metric": "messages_sent", "measured": 9.0, "unit": "count"})
    assert "no samples" not in "".join(texts(told))


def test_a_backlog_comes_before_the_slowest_messages(summary_of, healthy):
    """Both say whose fault it is, and there is not always room for both."""
    told, _ = summary_of(
        lambda ledger: (failing(ledger), healthy(ledger), slow(ledger, "append_latency_ms", 0.4)),
        thresholds="append_latency_ms: p(95)<1; messages_lost: count==0",
    )
    told["backlogs"] = [backlog("append")]
    assert [text.split(":")[0] for text in texts(told)[1:]] == [
        "messages_lost",
        "Furthest off is append_latency_ms",
        "The server fell behind",
    ]
