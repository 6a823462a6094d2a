"""The coordinator lives as long as its process; of a run that was judged, only a view and a result stay."""

import gevent
import pytest
from werkzeug.datastructures import MultiDict

from fleetlm_users.swarm.coordinator.coordinator import Coordinator
from fleetlm_users.swarm.host.startup_error import StartupError
from tests.swarm.coordinator.scenes import prepared, process
from tests.swarm.runners import TypedMasterRunner


@pytest.fixture
def coordinator(tmp_path):
    environment, context = process()
    coordinator = Coordinator(environment, context)
    coordinator.folder = tmp_path
    yield coordinator
    coordinator.judge()


def start(coordinator, **raw):
    coordinator._next = prepared(coordinator.folder, **raw)
    coordinator.start()


def test_before_the_first_run_there_is_nothing_to_see_or_to_end(coordinator):
    """Every verb may come at any time."""
    for verb in (
        coordinator.stop,
        coordinator.drain,
        coordinator.cut_drain_short,
        coordinator.judge,
        coordinator.reset_stats,
    ):
        verb()
    assert coordinator.view() is None
    assert coordinator.result is None
    assert not coordinator.running
    assert coordinator.has_ended


def test_a_run_is_gone_when_it_is_judged_and_a_view_of_it_stays(coordinator):
    """The view has its result, for the pages."""
    start(coordinator)
    assert coordinator.running
    assert coordinator.view().state == "running"
    coordinator.judge()
    assert coordinator._run is None
    assert not coordinator.running
    assert coordinator.view().result is coordinator.result
    assert coordinator.view().state == "ended"


def test_one_run_follows_another(coordinator):
    """Each with a result of its own; none while it is on."""
    start(coordinator)
    coordinator.judge()
    first = coordinator.result
    start(coordinator)
    assert coordinator.result is None
    assert coordinator.view().result is None
    coordinator.judge()
    assert coordinator.result is not first


def test_every_caller_returns_when_the_run_is_judged(coordinator):
    """Run time, a signal and the web UI may end it at once."""
    start(coordinator)
    callers = [gevent.spawn(coordinator.judge) for _ in range(3)]
    gevent.joinall(callers, timeout=60, raise_error=True)
    assert coordinator.result is not None
    assert coordinator.view().result is coordinator.result


def test_a_reset_after_the_end_only_clears_the_pages(coordinator):
    """The result stays, and its files."""
    start(coordinator)
    coordinator.judge()
    coordinator.reset_stats()
    assert coordinator.view() is None
    assert coordinator.result.folder.is_dir()


def test_a_reset_of_a_run_counts_from_zero(coordinator):
    """Its view is another for pages: they begin a history of their own."""
    start(coordinator)
    key = coordinator.view().key
    coordinator.reset_stats()
    assert coordinator.view().key != key


def test_a_file_that_is_missing_changes_the_exit_code_of_a_judged_run(coordinator):
    """Without one there is nothing to change."""
    problem = OSError(28, "No space left on device")
    coordinator.note_unwritten("--html", "report.html", problem)
    start(coordinator)
    coordinator.judge()
    coordinator.note_unwritten("--html", "report.html", problem)
    assert coordinator.result.summary["unwritten"] == ["--html report.html: No space left on device"]


def test_users_are_not_edited_where_something_else_sets_them(coordinator):
    """A load shape does."""
    start(coordinator)
    assert coordinator.edit(MultiDict({"user_count": "9", "spawn_rate": "1"})) > 0
    assert coordinator.view().planned_users == 9
    shaped = coordinator._run.options.plan
    object.__setattr__(shaped, "shape", "Up")
    with pytest.raises(StartupError, match="The load shape Up sets the users"):
        coordinator.edit(MultiDict({"user_count": "9", "spawn_rate": "1"}))
    object.__setattr__(shaped, "shape", "")


def test_users_and_stages_of_a_session_rate_are_not_changed_by_hand(coordinator):
    """Users come with the sessions; a rate without stages may be made faster or slower."""
    start(coordinator)
    plan = coordinator._run.options.plan
    object.__setattr__(plan, "session_rate", ("20",))
    with pytest.raises(StartupError, match="Sessions arrive at a rate, and users with them"):
        coordinator.edit(MultiDict({"user_count": "9", "spawn_rate": "1"}))
    assert coordinator.speed_run() is coordinator._run
    object.__setattr__(plan, "session_rate", ("up=2s:20", "hold=2s:20"))
    with pytest.raises(StartupError, match="The stages of the session rate set the load"):
        coordinator.speed_run()
    object.__setattr__(plan, "session_rate", ())


def test_an_option_given_during_a_run_is_refused(coordinator):
    """It would have no effect; a page that sends its unchanged values changes nothing."""
    start(coordinator)
    form = {"user_count": "9", "spawn_rate": "1"}
    with pytest.raises(StartupError, match=r"stop it first: Thresholds$"):
        coordinator.edit(MultiDict({**form, "threshold": "messages_lost: count<1"}))
    shown = coordinator.preparation.form.on_page({}, lambda _: None)["extra_options"]
    sent = {title: str(field["default_value"]) for title, field in shown.items()}
    assert coordinator.edit(MultiDict({**form, **sent})) > 0


def test_a_worker_that_refuses_leaves_no_run_behind(tmp_path):
    """There is no verdict either."""
    runner = TypedMasterRunner(a="running")
    environment, context = process(runner)
    coordinator = Coordinator(environment, context)
    coordinator.folder = tmp_path
    start(coordinator)
    epoch = coordinator.view().merge.epoch
    coordinator._workers.on_refused(Refusal("a", epoch))
    assert coordinator.view() is None
    assert coordinator.has_ended
    coordinator.judge()
    assert coordinator.result is None
    assert environment.process_exit_code == 2


class Refusal:
    """A worker's answer to a run that its machine cannot take part in."""

    def __init__(self, worker, epoch):
        self.node_id, self.data = worker, {"epoch": epoch, "problem": "too few open files"}
