"""`fleetlm-bench schema`: the JSON Schema of a file that a run leaves."""

import click

from fleetlm_users.cli.schema.documents import KINDS, generated, published


@click.command(short_help="Print the JSON Schema of summary.json or run.json.")
@click.argument("document", type=click.Choice(list(KINDS)), default="summary")
@click.option("--generate", is_flag=True, hidden=True, help="Write it from the types, for `make docs`.")
def schema(document: str, generate: bool) -> None:
    """Write the JSON Schema (2020-12) of a file in a result folder.

    The number in its $id is that of the file's `format`. Within a format
    keys are added and never change their meaning: pass over unknown ones.

    \b
    Examples:
      fleetlm-bench schema > summary.schema.json
      fleetlm-bench schema run
      check-jsonschema --schemafile summary.schema.json results/*/summary.json
    """  # noqa: D301  # \b is what click looks for
    kind = KINDS[document]
    click.echo(generated(kind) if generate else published(kind), nl=False)
