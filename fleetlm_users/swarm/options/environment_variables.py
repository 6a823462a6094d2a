"""Options given as environment variables: cleaned and checked; foreign variables are distinguished from misspelt
ones.
"""

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

import msgspec
from locust.argument_parser import LocustArgumentParser

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.host.startup_error import USAGE_EXIT, StartupError
from fleetlm_users.swarm.locust_internals import actions_of
from fleetlm_users.workload.benchmarks import benchmark_options
from fleetlm_users.workload.options.locust_options import LOCUST_OPTIONS
from fleetlm_users.workload.options.parsing import as_text, clean
from fleetlm_users.workload.options.specs import OptionSpec

PREFIX: Final = "LOCUST_"
THRESHOLD_VARIABLE: Final = "THRESHOLD"
OF_OTHERS: Final = frozenset(spec.env for _, spec in benchmark_options())
"""The variables of single benchmarks."""
ALIKE: Final = 0.9
"""The similarity from which a name counts as a misspelling of one of ours."""


class Variables(msgspec.Struct):
    """`values` go to the parser, `thresholds` do not, `notes` are warnings for a person."""

    values: dict[str, str]
    thresholds: str = ""
    notes: list[str] = msgspec.field(default_factory=list)


def read_variables(
    parser: LocustArgumentParser, specs: Sequence[OptionSpec], given: Mapping[str, str], flags: Collection[str]
) -> Variables:
    """Return the environment for the parser, without empty variables and those whose flag is given.

    Raise UsageError for an invalid value, and for a variable that is almost one of Locust's.
    """
    variables = Variables(dict(given))
    by_name = {spec.env: spec for spec in specs}
    for name in {action.env_var for action in actions_of(parser) if action.env_var} & given.keys():
        spec = by_name.get(name)
        text = clean(given[name]) if spec is None else _text(spec, given[name], flags, variables)
        del variables.values[name]
        if text:
            variables.values[name] = text
    variables.notes += [
        f"warning: the variable {name} is an option of other benchmarks and not read here"
        for name in sorted(given.keys() & OF_OTHERS - by_name.keys())
    ]
    variables.notes += _slips(given, {*by_name, *OF_OTHERS, *(option.env for option in LOCUST_OPTIONS)})
    return variables


def refuse_variables(given: Mapping[str, str]) -> None:
    """Raise StartupError for a variable of Locust's that has no flag and no effect on these benchmarks."""
    for option in LOCUST_OPTIONS:
        if option.effect == "refused" and not option.flags and given.get(option.env):
            raise StartupError(option.refusal, USAGE_EXIT)


def _text(spec: OptionSpec, value: str, flags: Collection[str], variables: Variables) -> str:
    """Return the text the parser gets for one of our options; thresholds are set aside, a foreign value is ignored."""
    if spec.repeatable:
        variables.thresholds = value
        return ""
    if spec.flag in flags:
        return ""
    try:
        return as_text(spec, value, f"{spec.env} (environment)")
    except UsageError as problem:
        if not spec.env_is_shared:
            raise
        variables.notes.append(f"warning: another program's {spec.env} is ignored. {problem}")
        return ""


def _slips(given: Mapping[str, str], known: Collection[str]) -> Iterator[str]:
    """Yield warnings about unknown variables that are almost one of ours.

    Raise UsageError for one that is almost Locust's, whose prefix no other program uses, and for one that could be a
    threshold: without it a run might pass.
    """
    for name in sorted(given.keys() - known):
        nearest = difflib.get_close_matches(name, _as_long(name, known), n=1, cutoff=ALIKE)
        if not nearest:
            continue
        if name.startswith(PREFIX) or nearest[0] == THRESHOLD_VARIABLE:
            accepted = "a variable that is read, the nearest one is the example"
            raise UsageError(f"{name} (environment)", given[name], accepted, nearest[0])
        yield f"warning: the variable {name} is none of ours and not read; {nearest[0]} is one"


def _as_long(name: str, known: Collection[str]) -> list[str]:
    """Return the names whose length allows similarity: difflib takes 0.4 ms to rule out all others."""
    return [each for each in known if 2 * min(len(each), len(name)) >= ALIKE * (len(each) + len(name))]
