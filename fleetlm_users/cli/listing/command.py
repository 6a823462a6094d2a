"""`fleetlm-bench list`: benchmarks, presets, metrics and options, for people, programs and the documentation."""

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import click

from fleetlm_users.cli.listing import inventory, option_reference
from fleetlm_users.cli.listing import text as inventory_text
from fleetlm_users.cli.terminal import style
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.workload.presets.presets import load_presets

FOLDER: Final = "locustfiles"
WHAT: Final = ("benchmarks", "presets", "metrics", "options")


@click.command("list", short_help="List benchmarks, presets, metrics and options.")
@click.argument("what", type=click.Choice(WHAT), default="benchmarks")
@click.option("--presets-file", type=click.Path(path_type=Path), envvar="PRESETS_FILE", help="Your own presets too.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
@click.option("--markdown", is_flag=True, help="Write the reference of the options as Markdown (docs/options.md).")
def list_(what: str, presets_file: Path | None, as_json: bool, markdown: bool) -> None:
    """Show what is available.

    \b
    WHAT is one of
      benchmarks   each locustfile with its users, duration and thresholds
      presets      the named plans of each benchmark
      metrics      what is measured: kind, unit, meaning
      options      flags, environment variables, defaults

    \b
    Examples:
      fleetlm-bench list
      fleetlm-bench list presets --presets-file my-presets.yaml
      fleetlm-bench list metrics --json
    """  # noqa: D301  # \b is what click looks for
    if markdown and what != "options":
        raise click.BadParameter("only options have a Markdown form: fleetlm-bench list options --markdown")
    presets = load_presets(presets_file)
    gather: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "benchmarks": lambda: inventory.benchmarks(presets, locustfiles()),
        "presets": lambda: inventory.all_presets(presets),
        "metrics": lambda: inventory.metrics(DEFAULT),
        "options": lambda: inventory.options(presets),
    }
    rows = gather[what]()
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    elif markdown:
        click.echo(option_reference.render(rows), nl=False)
    else:
        click.echo(inventory_text.render(what, rows, style()), nl=False)


def locustfiles() -> Path | None:
    """Return the folder of the packaged locustfiles: ./locustfiles, or the one next to the package, if any."""
    folders = (Path(FOLDER), Path(str(files("fleetlm_users"))).parent / FOLDER)
    return next((folder for folder in folders if folder.is_dir()), None)
