"""docs/options.md, made from the one list of options by `fleetlm-bench list options --markdown`. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

Json = Mapping[str, Any]

TITLES: Final = {
    "target": ("Where FleetLM and the agent are", ""),
    "load": ("How much load", "Left empty, these come from the preset."),
    "judging": ("Judging and reports", ""),
    "run": ("The run itself", ""),
    "timeouts": ("Timeouts", "A number with `h`, `m`, `s` or `ms`, as `90s` or `1m30s`; a bare number is seconds."),
    "monitoring": ("Numbers for Prometheus", "See [monitoring.md](monitoring.md)."),
    "benchmark": ("Options of single benchmarks", ""),
}
HEAD: Final = """# Options

<!-- Made by `fleetlm-bench list options --markdown > docs/options.md`; a test compares. Do not edit by hand. -->

Every option is a flag of `locust`, an environment variable, a line of `locust.conf` and, unless the table says
otherwise, a field of the web form. A flag beats the variable, the variable beats the preset, the preset beats the
default. Locust's own options work as always; of these `-u` is the same as `--vus`, `-t` the same as `--duration`, and
`-H` sets `--api-url` and `--ws-url` together; `locust --help` lists all.
"""


def render(options: Sequence[Json]) -> str:
    """Return the reference as Markdown, ended by a newline."""
    groups = dict.fromkeys((*TITLES, *(option["group"] for option in options)))
    lines = [HEAD.rstrip()]
    for group in groups:
        found = [option for option in options if option["group"] == group]
        if found:
            lines += _section(group, found)
    return "\n".join(lines) + "\n"


def _section(group: str, options: Sequence[Json]) -> Iterator[str]:
    title, note = TITLES.get(group, (group.capitalize(), ""))
    yield from ("", f"## {title}", "")
    if note:
        yield from (note, "")
    yield "| flag | environment | default | meaning | example |"
    yield "|---|---|---|---|---|"
    for option in options:
        cells = (f"`{option['flag']}`", f"`{option['env']}`", _default(option), _meaning(option), _example(option))
        yield f"| {' | '.join(cells)} |"


def _default(option: Json) -> str:
    if option["kind"] == "flag":
        return "on" if option["default"] else "off"
    return f"`{option['default']}`" if option["default"] else "–"


def _meaning(option: Json) -> str:
    notes = []
    if option["benchmarks"]:
        notes.append("of " + ", ".join(f"`{name}`" for name in option["benchmarks"]))
    if option["choices"]:
        notes.append("one of " + ", ".join(f"`{choice}`" for choice in option["choices"]))
    if option["repeatable"]:
        notes.append("repeatable")
    if not option["in_form"]:
        notes.append("not in the web form")
    if option["secret"]:
        notes.append("left out of reports")
    return _prose(option["help"] + "".join(f"; {note}" for note in notes))


def _example(option: Json) -> str:
    if option["kind"] == "flag":
        return f"`{option['flag']}` or `{option['env']}=1`"
    value = option["example"]
    quoted = f'"{value}"' if any(character in value for character in " ()<>;*") else value
    return f"`{_cell(option['flag'])} {_cell(quoted)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _prose(text: str) -> str:
    """Return text for a cell outside of code, where `<run id>` would be taken for HTML."""
    return _cell(text.replace("<", "&lt;").replace(">", "&gt;"))
