"""A page of another origin gets nothing, a program and our own pages get everything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetlm_users.errors import UsageError
from fleetlm_users.http_access import AccessRules, Asked, parse_hosts

LOOPBACK = AccessRules("127.0.0.1")
EVERYWHERE = AccessRules("0.0.0.0")
PROXIED = AccessRules("127.0.0.1", ("load.example.org", "odd.example.org:8443", "10.0.0.9"))
EVIL = "http://evil.example"
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")


@pytest.mark.parametrize(
    ("rules", "host"),
    [
        *(
            (LOOPBACK, host)
            for host in ("127.0.0.1:8089", "127.0.0.1", "localhost:1", "LOCALHOST.", "[::1]:8089", "[::1]")
        ),
        *((LOOPBACK, host) for host in ("127.9.9.9", "load.localhost:8089", "[::ffff:127.0.0.1]:8089")),
        *(
            (EVERYWHERE, host)
            for host in ("10.0.0.5:8089", "0.0.0.0:8089", "[2001:db8::1]:8089", "master:8089", "loadgen")
        ),
        *((AccessRules(""), host) for host in ("10.0.0.5:8089", "master:8089", "127.0.0.1:8089")),
        *((AccessRules("::"), host) for host in ("[::]:8089", "10.0.0.5")),
        (AccessRules("load.internal.example"), "load.internal.example:8089"),
        (AccessRules("10.0.0.5"), "10.0.0.5:8089"),
        *(
            (PROXIED, host)
            for host in ("load.example.org", "Load.Example.org:8089", "odd.example.org:8443", "10.0.0.9:1")
        ),
    ],
)
def test_a_program_that_calls_the_server_by_a_name_of_its_own_is_answered(rules, host):
    """It sends a Host and nothing else, whatever it wants."""
    assert all(rules.refusal(Asked(method, host)) is None for method in METHODS)


@pytest.mark.parametrize(
    ("rules", "host"),
    [
        *(
            (LOOPBACK, host)
            for host in ("evil.example", "evil.example:8089", "127.0.0.1.evil.example", "localhost.evil.example")
        ),
        *((LOOPBACK, host) for host in (None, "", ":8089", "a b", "127.0.0.1@evil.example", "evil.example, 127.0.0.1")),
        *(
            (LOOPBACK, host)
            for host in ("10.0.0.5:8089", "master:8089", "0.0.0.0:8089", "[::]", "127.0.0.1:x", "xlocalhost")
        ),
        *((EVERYWHERE, host) for host in ("evil.example:8089", "10.0.0.5.evil.example", None, "", "a/b")),
        *(
            (PROXIED, host)
            for host in ("sub.load.example.org", "odd.example.org", "odd.example.org:8089", "example.org")
        ),
    ],
)
def test_an_unknown_host_is_refused(rules, host):
    """A name that anybody can let point here (DNS rebinding): the browser takes it for the page's own server."""
    for method in METHODS:
        told = rules.refusal(Asked(method, host))
        assert told is not None
        assert told.endswith("is not a host name of this server")


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "",
        "file://",
        "http://127.0.0.1:8090",
        "http://127.0.0.1",
        "http://localhost:8089",
        "http://127.0.0.1:8089.evil.example",
        "http://127.0.0.1:8089/",
        "http://127.0.0.1:8089, http://evil.example",
        "http://a@127.0.0.1:8089",
        "chrome-extension://abcdef",
        "http://" + "x" * 5000,
    ],
)
@pytest.mark.parametrize("method", METHODS)
def test_another_origin_is_refused_whatever_it_asks_for(method, origin):
    """Another port of the same machine is another origin: some other server's page."""
    told = LOOPBACK.refusal(Asked(method, "127.0.0.1:8089", origin))
    assert told is not None
    assert "another origin" in told
    assert len(told) < 200


@pytest.mark.parametrize(
    ("rules", "host", "origin"),
    [
        (LOOPBACK, "127.0.0.1:8089", "http://127.0.0.1:8089"),
        (LOOPBACK, "localhost:8089", "http://localhost:8089"),
        (LOOPBACK, "[::1]:8089", "http://[::1]:8089"),
        (LOOPBACK, "127.0.0.1:9000", "http://127.0.0.1:9000"),
        (EVERYWHERE, "10.0.0.5:8089", "https://10.0.0.5:8089"),
        (PROXIED, "load.example.org", "https://load.example.org"),
        (PROXIED, "load.example.org", "https://load.example.org:443"),
        (PROXIED, "127.0.0.1:8089", "https://load.example.org"),
        (PROXIED, "127.0.0.1:8089", "https://odd.example.org:8443"),
        (PROXIED, "odd.example.org:8443", "https://odd.example.org:8443"),
    ],
)
def test_our_own_page_may_do_all(rules, host, origin):
    """It includes tunnels and proxies, even those that end TLS or change the name."""
    for method in METHODS:
        assert rules.refusal(Asked(method, host, origin, "same-origin", "cors", "empty")) is None
    assert rules.refusal(Asked("POST", host, EVIL)) is not None


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense", ""])
def test_what_a_page_of_another_origin_embeds_is_refused_without_an_origin_too(site):
    """<img>, <script>, <iframe> send none; following a link is a person's doing, and the page sees nothing of it."""
    host = "127.0.0.1:8089"
    for mode, dest in (("no-cors", "image"), ("no-cors", "script"), ("navigate", "iframe"), (None, None)):
        assert LOOPBACK.refusal(Asked("GET", host, None, site, mode, dest)) is not None
    assert LOOPBACK.refusal(Asked("GET", host, None, site, "navigate", "document")) is None
    assert LOOPBACK.refusal(Asked("POST", host, None, site, "navigate", "document")) is not None
    assert LOOPBACK.refusal(Asked("GET", host, "http://127.0.0.1:8089", site, "cors", "empty")) is not None


@pytest.mark.parametrize("site", [None, "same-origin", "none"])
def test_what_a_person_types_or_our_page_embeds_is_answered(site):
    """Nobody else has had a hand in it."""
    assert LOOPBACK.refusal(Asked("GET", "127.0.0.1:8089", None, site, "navigate", "document")) is None


def test_metrics_beyond_loopback_are_scraped_by_any_name_but_by_no_page():
    """A Prometheus knows the target by some name of its network; on loopback nobody has to."""
    for host in ("loadgen.example.org:9646", "master.fleetlm-load.svc.cluster.local:9646", "master", None):
        assert EVERYWHERE.refusal(Asked("GET", host), any_host=True) is None
        assert EVERYWHERE.refusal(Asked("GET", host, EVIL), any_host=True) is not None
        assert (
            EVERYWHERE.refusal(Asked("GET", host, None, "cross-site", "no-cors", "script"), any_host=True) is not None
        )
        assert LOOPBACK.refusal(Asked("GET", host), any_host=True) is not None


@pytest.mark.parametrize(
    "text", ["load.example.org, other:81", "load.example.org other:81", " load.example.org,,other:81 "]
)
def test_hosts_are_a_list(text):
    """They are separated by commas or spaces."""
    assert parse_hosts(text, "--web-allowed-hosts", "load.example.org") == ("load.example.org", "other:81")


def test_an_ipv6_address_may_stand_without_brackets():
    """A list in brackets of a configuration file loses its own."""
    assert parse_hosts("2001:db8::1 [2001:db8::2]:81", "x", "x") == ("[2001:db8::1]", "[2001:db8::2]:81")


@pytest.mark.parametrize("text", ["https://load.example.org", "a/b", "*", "*.example.org", "a:b", "x@y"])
def test_what_is_no_host_is_reported(text):
    """A URL, a pattern."""
    with pytest.raises(UsageError, match=r"invalid value .* for --web-allowed-hosts: .*names or addresses"):
        parse_hosts(text, "--web-allowed-hosts", "load.example.org")


words = st.none() | st.text(max_size=30) | st.sampled_from(("127.0.0.1:8089", EVIL, "cross-site", "null", "[::1"))


@given(st.builds(Asked, st.sampled_from(METHODS), words, words, words, words, words))
def test_any_headers_are_judged(asked):
    """No header makes it fail, and a foreign origin never passes."""
    told = LOOPBACK.refusal(asked)
    if asked.origin == EVIL:
        assert told is not None
