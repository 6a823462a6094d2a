"""A line says what the run is waiting for."""

import re

from gevent.queue import Queue

from fleetlm_users.client.waiting_notice import WaitingNotice


def test_what_is_waited_for_is_reported_with_the_limit():
    """Several can be pending at once; those answered are no longer named."""
    told = Queue()
    notice = WaitingNotice(10.0, told.put, first_s=0.0, next_s=0.001)
    with notice:
        notice.renew("the REST API")
        heard = notice.asking("the agent", lambda: told.get(timeout=60))
    assert re.fullmatch(r"waiting for the REST API( and the agent)?: \d+ s of 10 s", heard)
    assert notice.text(0.0).startswith("waiting for the REST API: ")


def test_quick_waits_are_not_reported():
    """Nor is anything reported when nothing is waited for."""
    told = []
    notice = WaitingNotice(10.0, told.append)
    with notice:
        assert notice.asking("the REST API", lambda: 7) == 7
    assert told == []
    assert notice.text(0.0) == ""


def test_the_time_is_that_of_the_question_which_waits_longest(monkeypatch):
    """A further request to the same server starts afresh."""
    now_s = [100.0]
    monkeypatch.setattr("fleetlm_users.client.waiting_notice.time.perf_counter", lambda: now_s[0])
    notice = WaitingNotice(10.0, lambda _: None)
    notice.renew("the REST API")
    now_s[0] = 102.0
    notice.renew("the WebSocket")
    assert notice.text(104.0) == "waiting for the REST API and the WebSocket: 4 s of 10 s"
    notice.renew("the REST API")
    assert notice.text(104.0) == "waiting for the REST API and the WebSocket: 2 s of 10 s"
