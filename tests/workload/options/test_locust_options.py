"""The list of Locust's options is complete, and true where Locust's own code can tell."""

import re
from pathlib import Path

import locust
from locust.argument_parser import get_empty_argument_parser, setup_parser_arguments

from fleetlm_users.workload.options.locust_options import LOCUST_OPTIONS

SOURCE = Path(locust.__file__).parent
POSITIONAL = "UserClass"


def locusts_own():
    """Return the options of Locust's parser, as (flags, variable, name)."""
    parser = get_empty_argument_parser(default_config_files=[])
    setup_parser_arguments(parser)
    for action in parser._actions:
        flags = tuple(sorted(action.option_strings))
        yield (
            (flags, action.env_var or "", action.dest) if flags else ((POSITIONAL,), "LOCUST_USER_CLASSES", action.dest)
        )


def test_every_option_of_locust_has_its_line():
    """A new one, or one that is renamed or gone, fails here by name: decide what it does to plan and verdict."""
    ours = {(tuple(sorted(option.flags)), option.env, option.dest) for option in LOCUST_OPTIONS if option.flags}
    assert ours == set(locusts_own())


def test_every_variable_that_locust_reads_has_its_line():
    """It includes variables that its parser does not know."""
    read = re.compile(r"""(?:getenv|environ\.get)\(\s*["'](LOCUST_[A-Z0-9_]+)|environ\[["'](LOCUST_[A-Z0-9_]+)""")
    found = {name for path in SOURCE.rglob("*.py") for pair in read.findall(path.read_text("utf-8")) for name in pair}
    assert found - {""} <= {option.env for option in LOCUST_OPTIONS}


def test_a_refusal_says_what_to_use_instead():
    """It is one sentence that names flag and variable."""
    refused = [option for option in LOCUST_OPTIONS if option.effect == "refused"]
    assert len(refused) > 5
    for option in refused:
        assert option.refusal.startswith(option.flags[-1] if option.flags else option.env)
        assert ": use " in option.note or "`" in option.note or ", or use " in option.note or "unset" in option.note
        assert "\n" not in option.refusal


def test_each_is_listed_once():
    """It holds for flags and variables."""
    flags = [flag for option in LOCUST_OPTIONS for flag in option.flags]
    variables = [option.env for option in LOCUST_OPTIONS if option.env]
    assert len(flags) == len(set(flags))
    assert len(variables) == len(set(variables))
