"""Each option's value comes from the first place that has one."""

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.options.model import COMMON
from fleetlm_users.workload.options.resolution import GivenText, OptionSource, check_preset
from fleetlm_users.workload.presets.preset import Preset

SPECS = {spec.name: spec for spec in COMMON}


def preset_with(**options):
    """A preset that sets options."""
    return Preset("mixed", "mine", {"burst": 1}, 10.0, options=options, source="my.yaml")


@pytest.mark.parametrize(
    ("raw", "given_names", "derived", "options", "api_url"),
    [
        ({"api_url": "http://flag"}, (), {"api_url": "http://host"}, {"api_url": "http://preset"}, "http://flag"),
        ({}, (), {"api_url": "http://host"}, {"api_url": "http://preset"}, "http://host"),
        ({}, (), {}, {"api_url": "http://preset"}, "http://preset"),
        ({"api_url": " "}, ("api_url",), {}, {"api_url": "http://preset"}, "http://preset"),
        ({"api_url": "http://localhost:4000/api"}, (), {}, {"api_url": "http://preset"}, "http://preset"),
        ({"api_url": " http://localhost:4000/api "}, (), {}, {"api_url": "http://preset"}, "http://preset"),
        (
            {"api_url": "http://localhost:4000/api"},
            ("api_url",),
            {"api_url": "http://host"},
            {"api_url": "http://preset"},
            "http://localhost:4000/api",
        ),
        ({}, (), {}, {}, "http://localhost:4000/api"),
        (
            {"api_url": GivenText("http://localhost:4000/api")},
            (),
            {},
            {"api_url": "http://preset"},
            "http://localhost:4000/api",
        ),
    ],
)
def test_parser_then_host_then_preset_then_default(raw, given_names, derived, options, api_url):
    """A default value is an unset one, unless it is known to be given."""
    source = OptionSource(SPECS, raw, given_names, derived, preset_with(**options))
    assert source.take("api_url") == api_url


@pytest.mark.parametrize(("raw", "seed"), [({}, None), ({"seed": ""}, None), ({"seed": "0"}, 0), ({"seed": 5}, 5)])
def test_an_option_without_default_may_be_absent(raw, seed):
    """None means that nobody has set it; zero is a value."""
    assert OptionSource(SPECS, raw).take("seed") == seed


def test_errors_name_where_the_value_stands():
    """A flag's error names flag and variable, a preset's the file and the key."""
    with pytest.raises(UsageError, match=r"^invalid value 'soon' for --reply-timeout \(REPLY_TIMEOUT\)"):
        OptionSource(SPECS, {"reply_timeout": "soon"}).take("reply_timeout")
    with pytest.raises(UsageError, match=r"^invalid value 'soon' for my.yaml: mixed.mine.options.reply_timeout"):
        OptionSource(SPECS, {}, preset=preset_with(reply_timeout="soon")).take("reply_timeout")


def test_a_preset_fits_its_benchmark():
    """Known behaviours and options pass."""
    check_preset(preset_with(reply_timeout="5s", debug=True), SPECS, ("long_lived", "burst"))


def test_a_preset_of_another_benchmark_is_refused():
    """A behaviour that the benchmark lacks is named with those that it has."""
    with pytest.raises(UsageError) as raised:
        check_preset(preset_with(), SPECS, ("long_lived", "churn"))
    assert str(raised.value) == (
        "invalid value 'burst' for my.yaml: mixed.mine.users: expected a behaviour of mixed: long_lived, churn, "
        "for example long_lived"
    )


@pytest.mark.parametrize("name", ["repli_timeout", "preset", "vus", "duration", "threshold", "run_id", "standin"])
def test_options_that_presets_may_not_set_are_refused(name):
    """Unknown ones, those that choose the preset, and those that have a key of their own."""
    with pytest.raises(UsageError) as raised:
        check_preset(preset_with(**{name: "x"}), SPECS, ("burst",))
    assert str(raised.value).startswith(
        f"invalid value '{name}' for my.yaml: mixed.mine.options.{name}: "
        f"expected an option that presets may set: abort_grace, "
    )
