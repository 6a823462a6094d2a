"""The doctor's checks in order: the client's preflight line by line, then one whole session."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from msgspec import structs

from fleetlm_users.cli.doctor import remedies
from fleetlm_users.cli.doctor.check_result import CheckResult, Outcome
from fleetlm_users.cli.doctor.trial import STEPS, Trial
from fleetlm_users.client import PreflightResult, Problem, ProblemCode, check

API, WEBSOCKET, HEALTH = "REST API", "WebSocket upgrade", "agent health"
PROTOCOL, KNOWN_AGENT = "chat protocol", "agent in FleetLM"
CHECKS: Final = {
    API: (ProblemCode.API_FAILED, ProblemCode.API_NOT_FLEETLM),
    WEBSOCKET: (ProblemCode.WEBSOCKET_FAILED,),
    HEALTH: (ProblemCode.AGENT_UNHEALTHY,),
    PROTOCOL: (ProblemCode.PROTOCOL,),
    KNOWN_AGENT: (ProblemCode.AGENT_UNAVAILABLE, ProblemCode.AGENT_DISABLED, ProblemCode.AGENT_ELSEWHERE),
}
"""The preflight's checks in order, each with the problems it can find."""


def examine(trial: Trial, say: Callable[[str], None] = lambda _: None) -> Iterator[CheckResult]:
    """Yield every result as it comes; each step takes at most the trial's timeout. Raise UsageError for a bad URL.

    `say` is called with a line about pending answers.
    """
    preflight = check(trial.targets, trial.timeout_s, sources=trial.sources, tell=say)
    yield from tell(preflight)
    if preflight.fatal:
        yield from (CheckResult("skipped", step, "not tried") for step in STEPS)
    else:
        targets = structs.replace(trial.targets, protocol=preflight.protocol)
        yield from replace(trial, targets=targets).run()


def tell(preflight: PreflightResult) -> Iterator[CheckResult]:
    """Yield one result per check of the preflight, and one for each problem of another kind."""
    targets = preflight.targets
    places = {
        API: targets.api_url,
        WEBSOCKET: targets.ws_url,
        HEALTH: f"{targets.agent_url}/health",
        PROTOCOL: f"{preflight.protocol} (docs/protocols.md)",
        KNOWN_AGENT: targets.agent_id + (" (created just now)" if preflight.agent_created else ""),
    }
    problems = {check: [each for each in preflight.problems if each.code in codes] for check, codes in CHECKS.items()}
    for title, place in places.items():
        if problems[title]:
            yield from (_finding(title, problem) for problem in problems[title])
        elif (title == PROTOCOL and problems[API]) or (title == KNOWN_AGENT and (problems[API] or problems[PROTOCOL])):
            yield CheckResult("skipped", title, "not tried")
        else:
            yield CheckResult("ok", title, place)
    checked = {code for codes in CHECKS.values() for code in codes}
    yield from (_finding(problem.what, problem) for problem in preflight.problems if problem.code not in checked)


def _finding(title: str, problem: Problem) -> CheckResult:
    outcome: Outcome = "bad" if problem.fatal else "doubtful"
    return CheckResult(outcome, title, f"{problem.detail} ({problem.url})", remedies.of_problem(problem))
