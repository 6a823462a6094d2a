"""The `fleetlm-bench` command and its subcommands.

`fleetlm-bench standin` and `echo-agent` start the two servers, with all their own flags.
"""

import os
import platform
import sys
from collections.abc import Sequence
from typing import Any, Final

import click

from fleetlm_users import __version__
from fleetlm_users.cli.subcommands import HELP_NAMES, Subcommands
from fleetlm_users.errors import FleetlmError, UsageError
from fleetlm_users.output import steady_streams

_AS_THEY_ARE: Final[dict[str, Any]] = {"ignore_unknown_options": True, "help_option_names": []}


@click.command(short_help="Run the embedded FleetLM; all flags are its own.", context_settings=_AS_THEY_ARE)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def standin(arguments: Sequence[str]) -> None:
    """Run the embedded FleetLM, as python -m fleetlm_users.standin does."""
    become("fleetlm_users.standin", arguments)


@click.command("echo-agent", short_help="Run the echo agent; all flags are its own.", context_settings=_AS_THEY_ARE)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def echo_agent(arguments: Sequence[str]) -> None:
    """Run the echo agent, as python -m echo_agent does."""
    become("echo_agent", arguments)


def become(module: str, arguments: Sequence[str]) -> None:
    """Replace this process with a Python module, so that signals, exit code and output are the module's own."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


class Mistake(click.ClickException):
    """A UsageError as click shows it; the message names the accepted form, so no usage line is needed."""

    exit_code = 2


class Bench(click.Group):
    """The group of subcommands: our errors become click's, so none shows as a traceback."""

    commands: Subcommands

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.commands = Subcommands()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand, importing it now."""
        command = super().get_command(ctx, cmd_name)
        if "gevent" in sys.modules:
            _leave_ctrl_c_to_click()
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the names and lines of all subcommands, importing none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.commands.line_of(name)) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand. A UsageError ends with exit code 2, any other error of ours with 1."""
        try:
            return super().invoke(ctx)
        except UsageError as problem:
            raise Mistake(str(problem)) from problem
        except FleetlmError as problem:
            raise click.ClickException(str(problem)) from problem


def _show_version(ctx: click.Context, _parameter: click.Parameter, is_asked: bool) -> None:
    if not is_asked or ctx.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - a quarter of the start

    try:
        locust = version("locust")
    except PackageNotFoundError:
        locust = "not installed"
    click.echo(f"fleetlm-bench {__version__} (locust {locust}, Python {platform.python_version()})")
    ctx.exit()


@click.group(cls=Bench, context_settings={"help_option_names": HELP_NAMES, "auto_envvar_prefix": None})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show versions."
)
def cli() -> None:
    """Tools for FleetLM load tests: before, during and after a run.

    The load itself is locust's: locust --headless -f locustfiles/mixed.py

    \b
    Examples:
      fleetlm-bench doctor                     is everything ready for a run?
      fleetlm-bench doctor -H https://fleetlm.example.org
      fleetlm-bench smoke --standin            does every benchmark work?
      fleetlm-bench list                       benchmarks and their presets
      fleetlm-bench compare RESULTS_A RESULTS_B
      fleetlm-bench trend results              since when is it slower?
      fleetlm-bench report RESULTS_A --html report.html
      fleetlm-bench schema                     the JSON Schema of summary.json
      fleetlm-bench cleanup --run-id r1124-2135-7f3a --dry-run
      fleetlm-bench plan --sessions 1000000 --rate 0.033
      fleetlm-bench standin --port 4000        the embedded FleetLM
    """  # noqa: D301  # \b is what click looks for


for command in (standin, echo_agent):
    cli.add_command(command)


def _leave_ctrl_c_to_click() -> None:
    """Keep gevent from printing a Ctrl-C that arrives while it waits, before click acknowledges it."""
    import gevent  # noqa: PLC0415 - only some of the commands wait

    hub = gevent.get_hub()
    if KeyboardInterrupt not in hub.NOT_ERROR:
        hub.NOT_ERROR = (*hub.NOT_ERROR, KeyboardInterrupt)


def main() -> None:
    """Run the command and exit with its exit code."""
    steady_streams()
    cli(prog_name="fleetlm-bench")
