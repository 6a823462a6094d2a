"""The catalogue knows every metric and alias, names the nearest one, and grows without changing."""

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.measure.metrics.catalogue import DEFAULT, Catalogue
from fleetlm_users.measure.metrics.metric import counter, gauge, rate, trend


@pytest.mark.parametrize(
    ("alias", "name"), [("join_latency_ms", "ws_join_ms"), ("active_ws_connections", "active_connections")]
)
def test_an_alias_is_its_metric(alias, name):
    """The k6 suite had two names for the same thing."""
    assert DEFAULT[alias] is DEFAULT[name]
    assert alias not in list(DEFAULT)
    assert DEFAULT.aliases[alias] == name


def test_what_a_zero_needs_to_mean_something():
    """No backpressure proves nothing where nothing was sent."""
    assert DEFAULT["backpressure_events"].evidence == "messages_sent"
    assert DEFAULT["connection_failures"].evidence == "connections_attempted"


def test_an_unknown_name_is_reported_with_the_nearest():
    """A person sees what they meant."""
    with pytest.raises(UsageError, match="append_latency_ms") as caught:
        DEFAULT.find("apend_latency")
    assert caught.value.example == "append_latency_ms"
    with pytest.raises(KeyError):
        DEFAULT["apend_latency"]


def test_a_metric_of_the_wrong_kind_is_refused_with_one_of_the_right():
    """Counting in a trend is a mistake in a program, and said to be one."""
    with pytest.raises(UsageError, match="name of a counter") as caught:
        DEFAULT.find("append_latency_ms", "counter")
    assert DEFAULT[caught.value.example].kind == "counter"


def test_own_metrics_make_a_larger_catalogue():
    """Users of the framework add theirs; the default stays as it is."""
    larger = DEFAULT.with_metrics(
        [trend("typing_ms", "typing"), counter("tokens", "tokens", evidence="messages_sent"), gauge("queue", "length")]
    )
    assert larger["typing_ms"].unit == "ms"
    assert len(larger) == len(DEFAULT) + 3
    assert "typing_ms" not in DEFAULT
    assert len(larger.with_metrics([trend("typing_ms", "typing")])) == len(larger)
    assert repr(larger).startswith("Catalogue(")


@pytest.mark.parametrize(
    "bad",
    [
        counter("messages_sent", "another meaning"),
        trend("join_latency_ms", "an alias"),
        counter("mine", "its evidence does not exist", evidence="nowhere"),
        counter("mine", "a sum of what is not counted", parts=("message_failures",)),
        rate("mine", ("messages_sent",), (), "divided by nothing"),
        rate("mine", ("append_latency_ms",), ("messages_sent",), "of a trend"),
    ],
)
def test_a_metric_that_cannot_work_is_refused(bad):
    """Better at the start of a run than at its end."""
    with pytest.raises(UsageError):
        DEFAULT.with_metrics([bad])


def test_an_empty_catalogue_is_one():
    """Nothing is built in but by the list."""
    assert list(Catalogue([])) == []
