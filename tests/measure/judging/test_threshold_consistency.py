"""A threshold that every run keeps, that no run can keep, or that contradicts another is refused before the run."""

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.judging.threshold_consistency import check_each, check_together, contradictions
from fleetlm_users.measure.judging.thresholds import judge, parse_thresholds
from fleetlm_users.measure.metrics.metric import MAIN


@pytest.mark.parametrize(
    "text",
    [
        "message_success_rate: rate>=0",
        "message_success_rate: rate<=1",
        "message_success_rate: rate<1.5",
        "message_success_rate: rate!=2",
        "messages_lost: count>=0",
        "messages_lost: count>-1",
        "messages_lost: count!=0.5",
        "messages_sent: rate>=0",
        "append_latency_ms: p(95)>=0",
        "append_latency_ms: min>-5",
        "append_latency_ms: max<=3600000",
        "append_latency_ms: p(99)<1e9",
        "active_connections: max>=0",
        "worker_cpu_percent: value>-1",
    ],
)
def test_what_cannot_be_broken_is_no_promise(text):
    """It would be green whatever the server does."""
    with pytest.raises(
        UsageError, match=r"^invalid value .* for given: expected a bound that can be broken: .* for example"
    ):
        check_each(parse_thresholds(text.split(";")), "given")


@pytest.mark.parametrize(
    "text",
    [
        "message_success_rate: rate>1",
        "message_success_rate: rate<0",
        "message_success_rate: rate>95",
        "message_success_rate: rate==1.1",
        "messages_lost: count<0",
        "messages_lost: count<=-1",
        "messages_lost: count==0.5",
        "messages_sent: rate<0",
        "append_latency_ms: p(95)<0",
        "append_latency_ms: avg<-5",
        "append_latency_ms: p(95)>3600000",
        "active_connections: value<0",
    ],
)
def test_what_cannot_be_kept_is_no_promise(text):
    """It would be red whatever the server does."""
    with pytest.raises(
        UsageError, match=r"^invalid value .* for given: expected a bound that can be kept: .* for example"
    ):
        check_each(parse_thresholds(text.split(";")), "given")


@pytest.mark.parametrize(
    "text",
    [
        "message_success_rate: rate==1",
        "message_success_rate: rate<1",
        "message_success_rate: rate>0",
        "messages_lost: count==0",
        "messages_lost: count<1",
        "messages_lost: count<0.5",
        "append_latency_ms: min>0",
        "append_latency_ms: max<=0",
        "append_latency_ms: p(0)<5, p(100)<9",
        "worker_cpu_percent: value<250",
    ],
)
def test_what_can_be_kept_and_broken_is_a_promise(text):
    """However unlikely."""
    check_each(parse_thresholds(text.split(";")), "given")


@pytest.mark.parametrize("bound", ["1e999", "-1e999"])
def test_a_bound_is_a_finite_number(bound):
    """Not what a float makes of it."""
    with pytest.raises(UsageError, match="a finite number"):
        check_each(parse_thresholds([f"append_latency_ms: p(95)<{bound}"]), "given")


@pytest.mark.parametrize("condition", ["p(95)<nan", "p(95)<inf", "p(-1)<5", "p(101)<5"])
def test_no_number_and_no_percentile_are_typing_errors(condition):
    """Told by the parser."""
    with pytest.raises(UsageError):
        parse_thresholds([f"append_latency_ms: {condition}"])


@pytest.mark.parametrize(
    "text",
    [
        "append_latency_ms: p(95)<100, p(95)>200",
        "append_latency_ms: p(95)<100; append_latency_ms: p(95)>=100",
        "append_latency_ms: p(50)>500, p(99)<100",
        "append_latency_ms: med>500, p(50)<500",
        "append_latency_ms: med>=500, p(99.9)<500",
        "append_latency_ms: min>9, avg<3",
        "append_latency_ms: min>9, p(5)<3",
        "append_latency_ms: avg>9, max<9",
        "append_latency_ms: p(90)>9, max<=9",
        "append_latency_ms: p(50)>500, avg<200",
        "append_latency_ms: p(95)==5, p(95)!=5",
        "join_latency_ms: max<5; ws_join_ms: min>6",
        "append_latency_ms{scenario:burst}: p(95)>9; append_latency_ms: max<4",
        "append_latency_ms: min>9; append_latency_ms{scenario:churn}: avg<4",
        "messages_lost: count<5, count>4",
        "messages_lost: count>3, count<6, count!=4, count!=5",
        "messages_lost{scenario:burst}: count>5; messages_lost: count<3",
        "messages_sent: count==0, rate>3",
        "messages_sent: count>1, rate<=0",
        "message_success_rate: rate>0.9, rate<0.5",
        "active_connections: value>9, max<5",
    ],
)
def test_what_cannot_hold_together_is_refused(text):
    """The one names the other."""
    with pytest.raises(
        UsageError, match=r"^invalid value '.*' for thresholds: expected one that can hold together with `"
    ):
        check_together(parse_thresholds(text.split(";")), "thresholds")


@pytest.mark.parametrize(
    "text",
    [
        "append_latency_ms: p(95)<500, p(99)<1000, avg<200, min>0",
        "append_latency_ms: p(95)>200, p(99)<1000",
        "append_latency_ms: p(99)<100; append_service_ms: p(50)>500",
        "append_latency_ms: p(95)<100; append_latency_ms{scenario:burst}: p(95)>200",
        "append_latency_ms: p(90)>500, avg<200",
        "messages_lost: count>3, count<6, count!=4",
        "messages_sent: count>0, rate>3",
        "message_success_rate: rate>0.9, rate<1",
    ],
)
def test_what_can_hold_together_is_not(text):
    """Even if it says the same twice."""
    check_together(parse_thresholds(text.split(";")), "thresholds")


durations = st.lists(st.integers(0, 5000), min_size=1, max_size=60)
conditions = st.lists(
    st.tuples(
        st.sampled_from([None, "burst", "churn"]),
        st.sampled_from(["min", "max", "avg", "med", "p(5)", "p(50)", "p(90)", "p(99.9)", "p(100)"]),
        st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
        st.integers(0, 100),
    ),
    min_size=1,
    max_size=6,
)


@given(burst=durations, churn=durations, chosen=conditions)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_thresholds_that_some_run_keeps_never_contradict(totals_of, burst, churn, chosen):
    """Thresholds that some measurement keeps all together can be kept all together."""

    def write(ledger):
        for scenario, values in (("burst", burst), ("churn", churn)):
            for value in values:
                ledger.trend("append_latency_ms", scenario, MAIN).add(value * 1000)

    totals = totals_of(write)
    texts = []
    for scenario, aggregation, sign, share in chosen:
        subject = "append_latency_ms" + (f"{{scenario:{scenario}}}" if scenario else "")
        pool = sorted({*burst, *churn})
        texts.append(f"{subject}: {aggregation}{sign}{pool[share * (len(pool) - 1) // 100]}")
    kept = [item.threshold for item in judge(parse_thresholds(texts), totals, 10.0) if item.ok]
    assume(kept)
    assert list(contradictions(kept)) == []
