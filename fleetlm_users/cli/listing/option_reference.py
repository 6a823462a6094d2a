"""docs/options.md, generated from the one list of options by `fleetlm-bench list options --markdown`. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fleetlm_users.workload.options.locust_options import GROUPS, Effect, LocustOption
from fleetlm_users.workload.options.parsing import shown_bound
from fleetlm_users.workload.options.specs import RANGES

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
otherwise, a field of the web form. `locust --help` lists all.

## Which value counts

A flag beats the variable, the variable beats the files, the files beat the preset, and the preset beats the default.
Among the files, a later one beats an earlier one: `~/.locust.conf`, `locust.conf`, `pyproject.toml` (its table
`[tool.locust]`), the file of `--config`. Thresholds of all sources count together: a stronger source replaces those of
the same metric and scenario, as a flag replaces the preset's.

All sources are read the same way. White space around a value, a carriage return, a byte-order mark and one pair of
quotes are ignored; an empty value counts as unset. `true`, `yes`, `on` and `1` switch on, `false`, `no`, `off` and `0`
off, whatever the case. Thresholds are separated by `;`, commas or lines, stand in brackets, `[a, b]`, or in several
lines of a file. Any other key may appear only once in a file. If a flag is given twice, the last one counts, with a
warning.

What cannot take effect is refused with a reason and exit code 2: an unknown key or flag, a variable that is nearly one
of Locust's or `THRESHOLD`, an option that a plugin or another locustfile also defines. A variable that is nearly
another of ours, or is an option of other benchmarks, causes a warning. Other programs use the variable `DEBUG` too: a
value that is invalid here is ignored with a warning.
"""
LOCUST_HEAD: Final = """
## Locust's own options

With these benchmarks some do more than Locust documents, and some would be misleading: these are refused, with exit
code 2 and the alternative.

A LoadTestShape (`-f mixed.py,shape.py`) sets how many users run, and ends the run when its `tick` returns None; that is
the planned end of the run. Its users are spread over the behaviours as the preset's are. `--warm-up` applies. Options
that would set users, ramp-up or run time too are refused, unless the shape has `use_common_options` and reads them.
Benchmarks that end when all have done their work, and the capacity search, refuse a shape.

In a terminal, Locust's keys `w`, `W`, `s` and `S` add and remove users, in the plan's proportion; the report mentions
it.
"""
EFFECTS: Final[Mapping[Effect, str]] = {"works": "works", "refused": "**refused**", "gone": "refused by Locust"}


def render(options: Sequence[Json]) -> str:
    """Return the reference as Markdown, ended by a newline."""
    groups = dict.fromkeys((*TITLES, *(option["group"] for option in options)))
    lines = [HEAD.rstrip()]
    for group in groups:
        members = [option for option in options if option["group"] == group]
        if members:
            lines += _section(group, members)
    lines.append(LOCUST_HEAD.rstrip())
    for title, theirs in GROUPS.items():
        lines += _locust_section(title, theirs)
    return "\n".join(lines) + "\n"


def _locust_section(title: str, options: Sequence[LocustOption]) -> Iterator[str]:
    yield from ("", f"### {title}", "", "| option | variable | here | |", "|---|---|---|---|")
    for option in options:
        flags = ", ".join(f"`{flag}`" for flag in option.flags) or "–"
        variable = f"`{option.env}`" if option.env else "–"
        yield f"| {flags} | {variable} | {EFFECTS[option.effect]} | {_cell(option.note)} |"


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
    notes += _bounds(option)
    if option["repeatable"]:
        notes.append("repeatable")
    if not option["in_form"]:
        notes.append("not in the web form")
    if option["secret"]:
        notes.append("left out of reports")
    return _prose(option["help"] + "".join(f"; {note}" for note in notes))


def _bounds(option: Json) -> Iterator[str]:
    """Yield the bounds of a number or a duration, if they are the option's own and not its kind's."""
    if option.get("least") is not None and (option["least"], option["most"]) != RANGES[option["kind"]]:
        yield f"at most `{shown_bound(option['kind'], option['most'])}`"


def _example(option: Json) -> str:
    if option["kind"] == "flag":
        return f"`{option['flag']}` or `{option['env']}=1`"
    value = option["example"]
    quoted = f'"{value}"' if any(character in value for character in " ()<>;*") else value
    return f"`{_cell(option['flag'])} {_cell(quoted)}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _prose(text: str) -> str:
    """Return text for a cell outside code, where `<run id>` would be taken for HTML."""
    return _cell(text.replace("<", "&lt;").replace(">", "&gt;"))
