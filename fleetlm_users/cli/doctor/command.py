"""`fleetlm-bench doctor`: can a benchmark run here, and if not, what can be done?"""

import random
from datetime import UTC, datetime
from typing import Any

import click

from fleetlm_users.cli.doctor.checks import examine
from fleetlm_users.cli.doctor.trial import Trial
from fleetlm_users.cli.target_options import common_option, seconds, sources_of, target_options, targets_of, typed
from fleetlm_users.cli.terminal import style
from fleetlm_users.workload.identity import new_run_id, participant


@click.command(short_help="Is everything ready for a run? Ends with one message to the agent and back.")
@target_options
@common_option("participant_prefix")
@click.option(
    "--timeout",
    "timeout_s",
    default="10s",
    show_default=True,
    metavar="DURATION",
    callback=seconds("--timeout"),
    help="For each step.",
)
@click.pass_context
def doctor(ctx: click.Context, /, timeout_s: float, participant_prefix: str | None, **given: Any) -> None:
    """Check everything that a run needs, and report what is wrong and what to do.

    Queries FleetLM's REST API, opens its WebSocket, checks the agent's health, and creates the agent in FleetLM if it
    is missing. Then it runs one session: create, join, send one message, wait for its broadcast and the agent's reply,
    leave, delete. This also shows whether FleetLM reaches the agent's webhook, which every benchmark needs.

    \b
    Examples:
      fleetlm-bench doctor
      fleetlm-bench doctor -H https://fleetlm.example.org
      fleetlm-bench doctor --agent-url http://agent:4001 --timeout 30s

    Exit code: 0 when a run can begin, else 1.
    """  # noqa: D301  # \b is what click looks for
    run_id = new_run_id(datetime.now(UTC), random.SystemRandom())
    prefix = typed("participant_prefix", participant_prefix)
    look = style()
    outcomes = []
    click.echo()
    trial = Trial(targets_of(given), participant(prefix, run_id, 1), run_id, timeout_s, sources_of(given))
    for finding in examine(trial, lambda text: click.echo(f"  {text}", err=True)):
        outcomes.append(finding.outcome)
        click.echo(look.finish(finding.lines(look)), nl=False)
    bad, doubtful = outcomes.count("bad"), outcomes.count("doubtful")
    click.echo()
    if bad:
        click.echo(f"  {look.paint(f'{bad} of {len(outcomes)} checks failed', 'bold', 'red')}: a run would not work.\n")
        ctx.exit(1)
    doubts = f", {doubtful} to look at" if doubtful else ""
    click.echo(f"  {look.paint('A run can begin', 'bold', 'green')}{doubts}.\n")
