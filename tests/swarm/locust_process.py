"""A process of Locust's in one greenlet: its `main` as far as the end goes, with its real runners, no users, no time.

What ends a process is played by its methods; the drain, the judging and the writing of the report can be held open.
"""

import contextlib
import signal
from types import SimpleNamespace

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.event import Events
from locust.runners import STATE_RUNNING, STATE_SPAWNING, LocalRunner, MasterRunner, Runner, WorkerNodes

from fleetlm_users.swarm import lifecycle
from fleetlm_users.swarm.coordinator.completion import end_run
from fleetlm_users.swarm.coordinator.reporting import ReportingRole
from fleetlm_users.swarm.coordinator.run_clock import RunClock
from fleetlm_users.swarm.run_end import RunEnd

RUN_TIME_S, EARLY_S = 60.0, 30.0
PASS, FAIL, INCONCLUSIVE = 0, 3, 4


class Master(MasterRunner):
    """Locust's master without a network; its `quit` does not sleep."""

    def __init__(self, environment):
        Runner.__init__(self, environment)
        self.clients = WorkerNodes()
        environment.events.quitting.add_listener(lambda **_: self.quit())

    def quit(self):
        self.stop(send_stop_to_client=False)
        self.greenlet.kill(block=True)


class Verdict:
    """The text printed at the end."""

    def __init__(self, process):
        self._process = process

    def text(self, _width, **_):
        self._process.printed += 1
        return ""


class Coordinator(ReportingRole):
    """The coordinator's part in the end of a run: writes down each step, and judges by the run's clock."""

    def __init__(self, process):
        super().__init__(process.environment, process.environment.parsed_options)
        self.process = process
        self.preparation = SimpleNamespace(parsed=process.environment.parsed_options)
        self.aborted = False
        self.clock = None

    def start(self):
        self.clock = RunClock(RUN_TIME_S, 0.0, lambda: self.process.now_s)
        self._end = RunEnd(self)

    def note_unwritten(self, *lost):
        raise AssertionError(lost)

    def close(self):
        self.process.steps.append("close")

    def on_stop(self):
        self.clock.stop()
        self.process.steps.append("stop")

    def on_drain(self):
        self.process.steps.append("drain")
        self.process.held("drain")

    def on_drain_cut_short(self):
        self.process.cuts += 1
        self.process.release("drain")

    def on_judge(self):
        self.process.steps.append("judge")
        self.process.held("judging")
        self.process.steps.append("write")
        self.process.held("writing")
        interrupted = self.clock.ended_early(is_finite=False)
        self.process.environment.process_exit_code = FAIL if self.aborted else INCONCLUSIVE if interrupted else PASS
        self.result = Verdict(self.process)


class Played(lifecycle.Lifecycle):
    """Our listeners, without what prepares a run."""

    def _prepare(self, coordinator, environment, web_ui):
        pass


class Process:
    """One process; `main` is its main greenlet, whose value is the exit code."""

    def __init__(self, monkeypatch, *, master, headless):
        self.now_s, self.steps, self.cuts, self.printed, self.quits, self.problems = 0.0, [], 0, 0, 0, []
        self._holds, self._handlers, self._ignored = {}, [], set()
        self.events = Events()
        parsed = SimpleNamespace(
            headless=headless,
            autostart=False,
            autoquit=-1,
            json=False,
            html_file=None,
            json_file=None,
            csv_prefix=None,
            logfile=None,
        )
        self.environment = Environment(events=self.events, parsed_options=parsed)
        self.web_ui = None if headless else SimpleNamespace(stop=self._stop_web)
        self._web_greenlet = gevent.spawn(Event().wait)
        self._is_master = master
        monkeypatch.setattr(lifecycle, "events", self.events)
        monkeypatch.setattr(lifecycle, "BenchmarkContext", lambda *_: None)
        monkeypatch.setattr(lifecycle, "Coordinator", self._make_coordinator)
        monkeypatch.setattr(gevent, "signal_handler", lambda *heard: self._handlers.append(heard))
        monkeypatch.setattr(signal, "signal", lambda number, _: self._ignored.add(number))
        monkeypatch.setattr(gevent.get_hub(), "print_exception", lambda *what: self.problems.append(what))
        Played(None).listen()
        self.main = gevent.spawn(self._main)
        gevent.idle()

    def _make_coordinator(self, *_):
        self.coordinator = Coordinator(self)
        return self.coordinator

    def _main(self):
        try:
            self._start()
            (self._web_greenlet if self.web_ui else self.runner.greenlet).join()
            self._shut_down()
        except SystemExit as ended:
            return ended.code

    def _start(self):
        self.runner = Master(self.environment) if self._is_master else LocalRunner(self.environment)
        self.environment.runner = self.runner
        self.events.init.fire(environment=self.environment, runner=self.runner, web_ui=self.web_ui)
        gevent.signal_handler(signal.SIGTERM, self._shut_down)

    def _shut_down(self):
        self.events.quitting.fire(environment=self.environment, reverse=True)
        code = self.environment.process_exit_code or 0
        self.runner.quit()
        self.quits += 1
        self.events.quit.fire(exit_code=code)
        raise SystemExit(code)

    def _stop_web(self):
        self._web_greenlet.kill()

    def begin(self, state=STATE_RUNNING):
        """The run begins; users are being spawned, or all there."""
        self.events.test_start.fire(environment=self.environment)
        self.runner.state = state

    def ramp_up(self):
        self.begin(STATE_SPAWNING)

    def hold(self, *phases):
        for phase in phases:
            self._holds[phase] = Event()

    def held(self, phase):
        if phase in self._holds:
            self._holds[phase].wait()

    def release(self, *phases):
        for phase in phases or list(self._holds):
            if phase in self._holds:
                self._holds[phase].set()

    def settle(self):
        """Returns when nothing moves any more."""
        for _ in range(20):
            gevent.idle()

    def happens(self, what):
        """One of the things that end a run, as the process meets it."""
        getattr(self, what)()
        gevent.idle()

    def ctrl_c(self):
        self.signal(signal.SIGINT)

    def sigterm(self):
        self.signal(signal.SIGTERM)

    def sighup(self):
        self.signal(signal.SIGHUP)

    def signal(self, number):
        if number not in self._ignored:
            for heard, handler, *arguments in list(self._handlers):
                if heard is number:
                    gevent.spawn(self._handle, handler, *arguments)

    def _handle(self, handler, *arguments):
        """Act as gevent.signal_handler does: an exception of a handler is raised in the main greenlet."""
        try:
            handler(*arguments)
        except BaseException as raised:
            self.problems.append(raised)
            with contextlib.suppress(Exception):
                gevent.kill(self.main, raised)

    def run_time_up(self):
        self.now_s = max(self.now_s, RUN_TIME_S)
        gevent.spawn(self.runner.stop if self.web_ui else self.runner.quit)

    def web_stop(self):
        gevent.spawn(self.runner.stop)

    def worker_lost(self):
        gevent.spawn(end_run, self.environment)

    def abort(self):
        if not self.coordinator.clock.is_stopped:  # else nobody looks at thresholds any more (monitors.py)
            self.coordinator.aborted = True
            gevent.spawn(end_run, self.environment)
