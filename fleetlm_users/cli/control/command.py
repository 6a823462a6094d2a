"""`fleetlm-bench control`: change rate or users, pause, resume or stop during a run."""

import re
from itertools import pairwise
from typing import Final

import click

from fleetlm_users.cli.control.control_page import (
    PASSWORD_VARIABLE,
    USERNAME_VARIABLE,
    WEB_URL_FLAG,
    ControlRefused,
    WebUi,
)
from fleetlm_users.cli.target_options import common_option
from fleetlm_users.errors import UsageError

TIMEOUT_S: Final = 10.0
WITH_VALUE: Final = {"rate": "150%", "users": "40"}
WITHOUT_VALUE: Final = ("pause", "resume", "stop")

_ACCEPTED: Final = {
    "rate": "a share of the planned rate, or a rate per second, above 0",
    "users": "a whole number of users above 0",
}
_NEGATIVE: Final = re.compile(r"-\.?\d")


class ControlCommand(click.Command):
    """A command whose values may be negative: click would take -1 for an option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments; a UsageError refuses a negative value."""
        for action, value in pairwise(args):
            if action in _ACCEPTED and _NEGATIVE.match(value):
                raise UsageError(
                    action, value, _ACCEPTED[action], f"fleetlm-bench control {action} {WITH_VALUE[action]}"
                )
        return super().parse_args(ctx, args)


@click.command(
    cls=ControlCommand,
    short_help="Change a running test: rate, users, pause, resume, stop.",
    epilog="Example: fleetlm-bench control rate 150% --web-url http://load-master:8089. "
    f"A login's name and password are read from {USERNAME_VARIABLE} and {PASSWORD_VARIABLE}. "
    "Exit code 0 when it is done, 1 when it is refused, 2 for a mistake in the options.",
)
@click.argument("action", metavar="rate|users|pause|resume|stop")
@click.argument("value", required=False, default="")
@click.option(
    WEB_URL_FLAG,
    envvar="WEB_URL",
    default="http://127.0.0.1:8089",
    show_default=True,
    metavar="URL",
    help="The web UI of the run, on its master. [env: WEB_URL]",
)
@common_option("insecure")
def control(action: str, value: str, web_url: str, insecure: bool) -> None:
    """Change a running test through its web UI.

    \b
      rate 150%     all timetables one and a half times as fast as planned
      rate 800      messages per second in a run with --arrival-rate, sessions
                    per second in one with --session-rate
      users 40      the number of users, spread as the plan's
      pause         nothing new is sent; sessions stay open
      resume        continue at the rate before the pause
      stop          end the run: it drains and is judged
    """  # noqa: D301  # click's mark of a paragraph that it leaves alone
    if action in WITHOUT_VALUE and value:
        raise UsageError(action, value, f"no value: {action} takes none", f"fleetlm-bench control {action}")
    if action in WITH_VALUE and not value:
        example = f"fleetlm-bench control {action} {WITH_VALUE[action]}"
        raise UsageError(action, "", "a value after it", example)
    if action not in (*WITH_VALUE, *WITHOUT_VALUE):
        names = ", ".join((*WITH_VALUE, *WITHOUT_VALUE))
        raise UsageError("action", action, f"one of {names}", "fleetlm-bench control pause")
    web_ui = WebUi(web_url, timeout_s=TIMEOUT_S, insecure=insecure)
    try:
        click.echo(web_ui.control(action, value))
    except ControlRefused as problem:
        raise click.ClickException(str(problem)) from problem
