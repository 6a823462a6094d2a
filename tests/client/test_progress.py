"""A person is told what is waited for."""

from gevent.queue import Queue

from fleetlm_users.client.progress import Progress


def test_what_is_waited_for_is_told_with_the_limit():
    """Several things at once; what is answered is named no more."""
    told = Queue()
    progress = Progress(10.0, told.put, first_s=0.0, next_s=0.001)
    with progress:
        progress.renew("the REST API")
        heard = progress.asking("the agent", lambda: told.get(timeout=10))
    assert heard in [f"waiting for the REST API{more}: 0 s of 10 s" for more in ("", " and the agent")]
    assert progress.text(0.0).startswith("waiting for the REST API: ")


def test_nothing_is_told_of_what_is_quick():
    """And nothing when nothing is waited for."""
    told = []
    progress = Progress(10.0, told.append)
    with progress:
        assert progress.asking("the REST API", lambda: 7) == 7
    assert told == []
    assert progress.text(0.0) == ""


def test_the_time_is_that_of_the_question_which_waits_longest(monkeypatch):
    """A further question to the same server begins anew."""
    now_s = [100.0]
    monkeypatch.setattr("fleetlm_users.client.progress.time.perf_counter", lambda: now_s[0])
    progress = Progress(10.0, lambda _: None)
    progress.renew("the REST API")
    now_s[0] = 102.0
    progress.renew("the WebSocket")
    assert progress.text(104.0) == "waiting for the REST API and the WebSocket: 4 s of 10 s"
    progress.renew("the REST API")
    assert progress.text(104.0) == "waiting for the REST API and the WebSocket: 2 s of 10 s"
