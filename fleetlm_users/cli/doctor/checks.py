"""The doctor's checks in order: the client's preflight told line by line, then one whole session."""

from collections.abc import Callable, Iterator
from typing import Final

from fleetlm_users.cli.doctor import remedies
from fleetlm_users.cli.doctor.finding import Finding
from fleetlm_users.cli.doctor.trial import STEPS, Trial
from fleetlm_users.client import Preflight, Problem, check

API: Final = "the REST API"
SOCKET: Final = "the WebSocket"
AGENT: Final = "the agent"


def examine(trial: Trial, say: Callable[[str], None] = lambda _: None) -> Iterator[Finding]:
    """Yield every finding as it comes; each step takes at most the trial's timeout. Raises UsageError for a bad URL.

    `say` hears what is waited for.
    """
    preflight = check(trial.targets, trial.timeout_s, sources=trial.sources, tell=say)
    yield from tell(preflight)
    if preflight.fatal:
        yield from (Finding("skipped", step, "not tried") for step in STEPS)
    else:
        yield from trial.run()


def tell(preflight: Preflight) -> Iterator[Finding]:
    """Yield one finding per thing that the preflight asked, and one for each problem of another kind."""
    targets, agent = preflight.targets, f"agent {preflight.targets.agent_id}"
    asked = {
        API: ("REST API", targets.api_url),
        SOCKET: ("WebSocket upgrade", targets.ws_url),
        AGENT: ("agent health", f"{targets.agent_url}/health"),
        agent: ("agent in FleetLM", targets.agent_id),
    }
    problems = {what: [item for item in preflight.problems if item.what == what] for what in asked}
    for what, (title, url) in asked.items():
        if problems[what]:
            yield from (_of(problem, title) for problem in problems[what])
        elif what == agent and problems[API]:
            yield Finding("skipped", title, "not tried")
        else:
            created = " (created just now)" if what == agent and preflight.agent_created else ""
            yield Finding("ok", title, f"{url}{created}")
    for problem in preflight.problems:
        if problem.what not in asked:
            yield Finding("bad" if problem.fatal else "doubtful", problem.what, f"{problem.detail} ({problem.url})")


def _of(problem: Problem, title: str) -> Finding:
    remedy = {API: remedies.of_api(problem.detail), SOCKET: remedies.of_socket(problem.detail)}.get(problem.what, "")
    detail = f"{problem.detail} ({problem.url})"
    if problem.what == AGENT:
        detail, remedy = f"{problem.detail.partition('; start it')[0]} ({problem.url})", remedies.AGENT_HEALTH
    return Finding("bad" if problem.fatal else "doubtful", title, detail, remedy)
