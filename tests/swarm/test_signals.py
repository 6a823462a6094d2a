"""The end of a process, whatever asks for it and whenever: one drain, one verdict, one report, the right exit code."""

import itertools
import signal

import gevent
import pytest
from gevent.event import Event
from gevent.pool import Group
from locust.exception import RPCError
from locust.runners import WorkerRunner

from fleetlm_users.swarm.role import Role
from fleetlm_users.swarm.run_end import RunEnd
from fleetlm_users.swarm.signals import Signals
from tests.swarm.locust_process import EARLY_S, FAIL, INCONCLUSIVE, PASS, Process

LAYOUTS = {
    "standalone": {"master": False, "headless": True},
    "standalone-web": {"master": False, "headless": False},
    "master": {"master": True, "headless": True},
    "master-web": {"master": True, "headless": False},
}
PHASES = ("ramp-up", "steady", "drain", "judging", "writing")
SIGNALS = ("ctrl_c", "sigterm", "sighup")
EVENTS = [
    *(("ctrl_c",) * n for n in range(1, 6)),
    *(("sigterm",), ("sighup",), ("run_time_up",), ("worker_lost",), ("abort",), ("web_stop",)),
    *(
        ("ctrl_c", "sigterm"),
        ("sigterm", "ctrl_c"),
        ("sigterm", "sigterm"),
        ("sighup", "sighup"),
        ("sigterm", "sighup"),
    ),
    *(("ctrl_c", "run_time_up"), ("run_time_up", "ctrl_c"), ("web_stop", "ctrl_c", "ctrl_c")),
    *(("worker_lost", "ctrl_c"), ("abort", "sigterm"), ("web_stop", "run_time_up"), ("run_time_up", "sighup")),
]
TABLE = [
    pytest.param(layout, phase, events, id=f"{layout}-{phase}-{'-'.join(events)}")
    for layout, phase, events in itertools.product(LAYOUTS, PHASES, EVENTS)
    if "web" in layout or "web_stop" not in events  # without a page nobody presses its buttons
]


@pytest.fixture
def process_in(monkeypatch):
    def make(layout):
        return Process(monkeypatch, **LAYOUTS[layout])

    return make


def come_to(process, phase):
    """The run is in this phase; in the last three its run time is up."""
    if phase == "ramp-up":
        process.ramp_up()
    else:
        process.begin()
    process.now_s = EARLY_S
    process.hold("drain", "judging", "writing")
    if phase in ("drain", "judging", "writing"):
        process.run_time_up()
        process.release(*{"drain": ["nothing"], "judging": ["drain"], "writing": ["drain", "judging"]}[phase])
        process.settle()


def expected_code(phase, events):
    """The verdict is that of the run as it was when its end began."""
    ended_by = "run_time_up" if phase in ("drain", "judging", "writing") else events[0]
    return {"run_time_up": PASS, "abort": FAIL}.get(ended_by, INCONCLUSIVE)


def expected_cuts(phase, events):
    """A signal shortens the drain of a run that is ending, and never anything after it."""
    signals = [n for n, event in enumerate(events) if event in SIGNALS]
    if phase in ("judging", "writing") or not signals:
        return 0
    return int(phase == "drain" or signals[-1] > 0)


@pytest.mark.parametrize(("layout", "phase", "events"), TABLE)
def test_every_end_comes_to_one_report_and_the_right_exit_code(process_in, layout, phase, events):
    """Nothing is torn, nothing is done twice, nothing is raised anywhere."""
    process = process_in(layout)
    come_to(process, phase)
    for event in events:
        process.happens(event)
    process.settle()
    process.release()
    process.settle()
    code = expected_code(phase, events)
    assert process.steps[:4] == ["stop", "drain", "judge", "write"]
    assert process.cuts == expected_cuts(phase, events)
    assert process.printed == 1
    assert process.environment.process_exit_code == code
    assert process.problems == []
    if process.web_ui is None or set(events) & set(SIGNALS):
        assert process.main.value == code
        assert process.quits == 1
        assert process.steps[4:] == ["close"]
    else:
        assert not process.main.ready()  # the page stays


@pytest.mark.parametrize("at", ["judging", "writing"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_nothing_goes_on_while_the_report_is_written(process_in, layout, at):
    """However often and by whatever means a person asks: the process waits for it."""
    process = process_in(layout)
    come_to(process, at)
    for event in ("ctrl_c", "sigterm", "sighup", "ctrl_c", "run_time_up"):
        process.happens(event)
    process.settle()
    assert not process.main.ready()
    assert process.printed == 0
    process.release()
    process.settle()
    assert (process.main.value, process.printed) == (PASS, 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("layout", ["standalone", "master"])
def test_a_signal_before_the_run_has_begun_ends_the_start(process_in, layout, number, capsys):
    """Locust waits for workers there, and would let the interrupt fly."""
    process = process_in(layout)
    process.runner.send_message = lambda kind, *_: process.steps.append(kind)
    process.signal(number)
    process.signal(number)
    process.settle()
    assert process.main.value == INCONCLUSIVE
    assert "interrupted before the run began: nothing was measured" in capsys.readouterr().err
    assert process.steps == (["quit"] if layout == "master" else [])
    assert process.problems == []


@pytest.mark.parametrize("layout", ["standalone-web", "master-web"])
def test_a_signal_without_a_run_ends_the_web_ui(process_in, layout):
    """There is nothing to report."""
    process = process_in(layout)
    process.happens("ctrl_c")
    process.settle()
    assert (process.main.value, process.steps, process.printed) == (0, ["close"], 0)


def test_each_run_of_the_web_ui_is_reported(process_in):
    """Once each."""
    process = process_in("standalone-web")
    for number in (1, 2):
        process.begin()
        process.happens("web_stop")
        process.settle()
        assert process.printed == number
    process.happens("sighup")
    process.settle()
    assert process.printed == 2
    assert process.main.value == INCONCLUSIVE


def test_a_hangup_that_was_ignored_from_the_start_stays_ignored(process_in, monkeypatch):
    """`nohup` does that."""
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_IGN)
    process = process_in("standalone")
    process.begin()
    process.happens("sighup")
    assert process.steps == []


class Leaving(Role):
    """A role that writes down how it is asked to end; its drain lasts until it is cut short."""

    def __init__(self):
        self.asked, self._drain_cut_short = [], Event()
        self._end = RunEnd(self)

    def on_stop(self):
        self.asked.append("stop")

    def on_drain(self):
        self.asked.append("drain")
        self._drain_cut_short.wait()

    def on_drain_cut_short(self):
        self.asked.append("cut_drain_short")
        self._drain_cut_short.set()

    def on_judge(self):
        self.asked.append("judge")


class WorkerAlone(WorkerRunner):
    """Locust's worker without a network."""

    def __init__(self):
        self.greenlet = Group()
        self.quits = 0

    def quit(self):
        self.quits += 1


def test_a_workers_first_signal_never_shortens_what_its_master_has_begun():
    """A Ctrl-C in a terminal reaches both, and the master may be faster; a second one does."""
    role, runner = Leaving(), WorkerAlone()
    signals = Signals(runner, None, print)
    signals.serve(role)
    draining = gevent.spawn(role.drain)  # the master says so
    gevent.idle()
    signals.on_signal(signal.SIGINT)
    gevent.idle()
    assert role.asked == ["stop", "drain"]
    signals.on_signal(signal.SIGINT)
    draining.join()
    role.judge()
    gevent.idle()
    assert role.asked == ["stop", "drain", "cut_drain_short", "judge"]
    assert runner.quits == 1


def test_a_runner_that_cannot_be_ended_in_order_does_not_keep_the_process(caplog):
    """A worker's connection may be gone just then."""
    role, runner = Leaving(), WorkerAlone()

    def fails():
        raise RPCError("broken")

    runner.quit = fails
    runner.greenlet.spawn(Event().wait)
    role.cut_drain_short()
    role.stop()
    role.cut_drain_short()
    signals = Signals(runner, None, print)
    signals.serve(role)
    signals.on_signal(signal.SIGTERM)
    runner.greenlet.join(timeout=60)
    assert not runner.greenlet
    assert "Locust could not end its runner" in caplog.text
