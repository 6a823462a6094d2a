"""Sources of the server's figures: each has a name, a default or a given one."""

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.options.server_sources import check_distinct, parse_endpoints, parse_processes, source_of

WHAT, URL = "--server-metrics", "http://localhost:4000/metrics"


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        (URL, [("localhost-4000", URL)]),
        ("http://10.0.0.1:9568/metrics", [("10-0-0-1-9568", "http://10.0.0.1:9568/metrics")]),
        ("http://[::1]:4000/m", [("1-4000", "http://[::1]:4000/m")]),
        (f"api={URL}, http://b/metrics", [("api", URL), ("b", "http://b/metrics")]),
        (f"{URL},{URL}", [("localhost-4000", URL)]),
    ],
)
def test_endpoints(text, sources):
    """Host and port are the name of one that has none."""
    assert [source_of(each) for each in parse_endpoints(text, WHAT, URL)] == sources


def test_processes():
    """The id is the name of one that has none."""
    found = [source_of(each) for each in parse_processes("12, db = 34", "--server-pid", "12345")]
    assert found == [("pid-12", "12"), ("db", "34")]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("localhost:4000", "http:// or https://"),
        ("a.b=http://h/m", "letters, digits"),
        ("=http://h/m", "letters, digits"),
        (" , ", "1 to 50 sources"),
        ("http://h/a,http://h/b", "a name of its own"),
        ("api=http://h/a,api=http://h/b", "a name of its own"),
    ],
)
def test_what_is_no_endpoint_is_refused(text, told):
    """The error has an example."""
    with pytest.raises(UsageError, match=told):
        parse_endpoints(text, WHAT, URL)


@pytest.mark.parametrize("text", ["0", "-1", "x", "12345678901", "db=", "1.5"])
def test_what_is_no_process_id_is_refused(text):
    """The error has an example."""
    with pytest.raises(UsageError, match="process ids"):
        parse_processes(text, "--server-pid", "12345")


def test_names_are_distinct():
    """It covers endpoints and processes together."""
    assert check_distinct(["api=http://h/m"], ["db=12"]) == ("api", "db")
    with pytest.raises(UsageError, match="different names"):
        check_distinct(["db=http://h/m"], ["db=12"])
