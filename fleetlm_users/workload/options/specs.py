"""The declaration of an option, which yields flag, variable, form field, type, default and reference entry.

The options of every run are declared in model.py, those of single benchmarks in benchmark_specs.py and capacity.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from fleetlm_users.workload.duration import MAX_S
from fleetlm_users.workload.identity import VUS_PER_BLOCK
from fleetlm_users.workload.plan import count_flag
from fleetlm_users.workload.urls import API_EXAMPLE, DATABASE_EXAMPLE, GRAFANA_EXAMPLE, WS_EXAMPLE

Kind = Literal[
    "text",
    "name",  # a text of letters, digits, dots, underscores and hyphens
    "path",
    "flag",
    "http_url",
    "ws_url",
    "grafana_url",  # with its annotations or a dashboard
    "database_url",  # a PostgreSQL URL; it holds a password, so no error quotes it
    "duration",  # seconds, 0 or more
    "timeout",  # seconds, above 0
    "whole",  # a whole number, 0 or more
    "count",  # a whole number, 1 or more
    "number",  # 0 or more
    "positive",  # a number above 0
    "threshold",
    "addresses",  # local addresses: a list, ranges, networks
    "endpoints",  # http URLs of a server's metrics: a list, each perhaps with a name
    "processes",  # process ids: a list, each perhaps with a name
    "stages",  # stages of the load: a list
    "rates",  # a rate of arrivals, or stages of one: a list
    "skew",  # how unevenly the load is spread over the sessions
    "hosts",  # names or addresses, with or without a port: a list
]

Section = Literal["Load", "Target", "Thresholds", "This run", "Load in detail", "Rarely needed"]
"""The headings of the start form."""

NOT_IN_FORM: Final[frozenset[Kind]] = frozenset(("path", "hosts", "database_url", "grafana_url"))
"""Kinds that never come from the web form, whatever their declaration says: they name a place on Locust's machine, or
who may use the form, or where a password or token is sent.
"""

EXAMPLES: Final[Mapping[Kind, str]] = {
    "text": "text",
    "name": "name",
    "path": "file",
    "flag": "true",
    "http_url": API_EXAMPLE,
    "ws_url": WS_EXAMPLE,
    "grafana_url": GRAFANA_EXAMPLE,
    "database_url": DATABASE_EXAMPLE,
    "duration": "10s",
    "timeout": "10s",
    "whole": "10",
    "count": "10",
    "number": "2.5",
    "positive": "2.5",
    "threshold": "append_latency_ms: p(95)<500",
    "addresses": "127.0.0.2-127.0.0.9",
    "endpoints": "http://localhost:4000/metrics",
    "processes": "12345",
    "hosts": "load.example.org",
    "skew": "zipf:1.1",
    "stages": "ramp=30s:10,peak=2m:100,30s:0",
    "rates": "20",
}
"""The example of an option that has neither its own nor a default."""

MOST_COUNT: Final = 1_000_000_000
"""The largest number accepted unless the option says otherwise: sums over all users stay within 64 bits, and a larger
number is a typing slip.
"""

RANGES: Final[Mapping[Kind, tuple[float, float]]] = {
    "duration": (0, MAX_S),
    "timeout": (0, MAX_S),
    "whole": (0, MOST_COUNT),
    "count": (1, MOST_COUNT),
    "number": (0, MOST_COUNT),
    "positive": (0, MOST_COUNT),
}
"""The values that a kind accepts unless the option says otherwise."""

_SECTION_OF_GROUP: Final[Mapping[str, Section]] = {
    "load": "Load", "target": "Target", "judging": "Thresholds", "run": "This run", "timeouts": "Rarely needed",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class OptionSpec:
    """One option as declared; make it with `option`, which documents the arguments.

    Every default is a text, because Locust's web form gives texts back and converts them to the default's type; an
    empty default means unset. Only kind `flag` has False, for a checkbox.
    """

    name: str
    flag: str
    env: str
    default: str | bool
    help: str
    kind: Kind
    example: str
    title: str
    hint: str
    section: Section
    group: str = "run"
    choices: tuple[str, ...] | None = None
    repeatable: bool = False
    secret: bool = False
    in_form: bool = True
    in_preset: bool = True
    env_is_shared: bool = False
    least: float | None = None
    most: float | None = None
    stands_for: str = ""

    def __post_init__(self) -> None:
        if self.kind in NOT_IN_FORM:
            object.__setattr__(self, "in_form", False)

    @property
    def label(self) -> str:
        """The name used in errors: flag and environment variable."""
        return f"{self.flag} ({self.env})"


def option(  # noqa: PLR0913  # one declaration holds all there is to know of an option; most of it has a default
    name: str,
    *,
    help: str,  # as argparse and click call it
    default: str | float | bool = "",
    kind: Kind | None = None,
    example: str = "",
    choices: Sequence[str] | None = None,
    title: str = "",
    hint: str | None = None,
    section: Section | None = None,
    group: str = "run",
    flag: str | None = None,
    env: str | None = None,
    repeatable: bool = False,
    secret: bool = False,
    in_form: bool = True,
    in_preset: bool = True,
    env_is_shared: bool = False,
    least: float | None = None,
    most: float | None = None,
    stands_for: str = "",
) -> OptionSpec:
    """Declare one option: `option("questions", default=3, help="questions per interview")`.

    Args:
        name: The option's name in `options.extra` and in presets, in snake_case. Flag (`--questions`) and environment
            variable (`QUESTIONS`) are derived from it.
        help: One short line without a full stop, for `--help`, the form and the reference.
        default: The value when nobody sets the option; empty (the default) means unset, and its value is None.
        kind: How a value is read, and its unit; if not given it follows from the default's type: `flag` for a
            bool, `whole` for an int, `number` for a float, `text` for a text.
        example: A valid value for error messages and the reference; if not given, the default or one that suits the
            kind.
        choices: The only values accepted.
        title: The field's name in the start form; if not given, the option's name in words.
        hint: The form's text next to the title; if not given, the help.
        section: The heading under which the form shows the field; if not given, the group's.
        group: The section of the reference (docs/options.md).
        flag: A flag other than the derived one.
        env: An environment variable other than the derived one.
        repeatable: Whether the option may be given several times. Locust's parser gets None as its default: given a
            list, the form would cut its text at commas.
        secret: Whether reports leave the value out.
        in_form: Whether the option is a field of the start form; never for the kinds in NOT_IN_FORM.
        in_preset: Whether a preset may set the option.
        env_is_shared: Whether other programs use the variable too: a value that is invalid here is then assumed to be
            theirs, and ignored with a warning.
        least: The smallest number or duration in seconds accepted; if not given, the kind's.
        most: The largest one; if not given, MOST_COUNT or 10,000 hours.
        stands_for: The common option, such as `vus`, for which this is another name; the common one wins.

    Returns:
        The declaration, for the `options` of a behaviour or of `install`.

    """
    kind = kind or _kind_of(default)
    text = default if isinstance(default, bool) else str(default)
    low, high = RANGES.get(kind, (None, None))
    return OptionSpec(
        name=name,
        flag=f"--{name.replace('_', '-')}" if flag is None else flag,
        env=name.upper() if env is None else env,
        default=text,
        help=help,
        kind=kind,
        example=example or (text if isinstance(text, str) else "") or EXAMPLES[kind],
        title=title or name.replace("_", " ").capitalize(),
        hint=help if hint is None else hint,
        section=section or _SECTION_OF_GROUP.get(group, "Load"),
        group=group,
        choices=None if choices is None else tuple(choices),
        repeatable=repeatable,
        secret=secret,
        in_form=in_form,
        in_preset=in_preset,
        env_is_shared=env_is_shared,
        least=low if least is None else least,
        most=high if most is None else most,
        stands_for=stands_for,
    )


def count_name(behaviour: str) -> str:
    """Return the name of the option that sets one behaviour's count: `long_lived_vus`."""
    return f"{behaviour}_vus"


def count_specs(behaviours: Sequence[str]) -> tuple[OptionSpec, ...]:
    """Return the options that set each behaviour's count: `--long-lived-vus` LONG_LIVED_VUS and so on."""
    return tuple(_count_spec(behaviour, behaviour.replace("_", "-")) for behaviour in behaviours)


def _count_spec(behaviour: str, words: str) -> OptionSpec:
    return option(
        count_name(behaviour),
        flag=count_flag(behaviour),
        kind="whole",
        help=f"{words} users, exactly",
        title=f"Users: {words}",
        hint="empty: the preset's",
        section="Load in detail",
        group="load",
        in_preset=False,
        most=VUS_PER_BLOCK,
    )


def _kind_of(default: str | float | bool) -> Kind:
    if isinstance(default, bool):
        return "flag"
    if isinstance(default, int):
        return "whole"
    return "number" if isinstance(default, float) else "text"
