"""A value that a person changed in the form is an override; an unchanged one follows the chosen preset."""

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.options.form_overrides import NO_OVERRIDES, FormOverrides, shown_of
from tests.swarm.samples import options

LIGHT = {"num_users": 18, "spawn_rate": 3.6, "run_time": 120}
STANDARD = {"num_users": 55, "spawn_rate": 5.5, "run_time": 300}
OWN = {"light": LIGHT, "standard": STANDARD}


def fields(shown):
    """Return what a page sends that shows this."""
    return {"user_count": str(shown["num_users"]), "spawn_rate": str(shown["spawn_rate"]), "run_time": "2m"} | (
        {} if shown["run_time"] == 120 else {"run_time": str(shown["run_time"])}
    )


def overrides_of(form, preset="light", *, fields_follow=False, asked=NO_OVERRIDES, pages=()):
    """What is read from a form after the first page, with light, and then the others were shown."""
    first = LIGHT if asked["num_users"] is None else {**LIGHT, "num_users": asked["num_users"]}
    overrides = FormOverrides(asked)
    for page in (("light", first, asked), *pages):
        overrides.note(*page)
    return {
        name: value
        for name, value in overrides.of(form, preset, OWN[preset], fields_follow=fields_follow).items()
        if value is not None
    }


@pytest.mark.parametrize("fields_follow", [True, False])
@pytest.mark.parametrize(
    ("changed", "overrides"),
    [
        ({}, {}),
        ({"user_count": "9"}, {"num_users": 9}),
        ({"spawn_rate": "1"}, {"spawn_rate": 1.0}),
        ({"run_time": "120"}, {}),
        ({"run_time": "30s"}, {"run_time_s": 30.0}),
        ({"run_time": ""}, {}),
    ],
)
def test_only_changes_are_overrides(changed, overrides, fields_follow):
    """The same time in another notation is no change, and an empty one is the preset's."""
    assert overrides_of({**fields(LIGHT), **changed}, fields_follow=fields_follow) == overrides


def test_fields_left_standing_follow_another_preset():
    """A page without our script, or a program, sends what the page showed with the preset before."""
    assert overrides_of(fields(LIGHT), "standard") == {}
    assert overrides_of({**fields(LIGHT), "user_count": "9"}, "standard") == {"num_users": 9}


def test_fields_that_follow_by_themselves_mean_what_they_show():
    """A person who chooses standard, sees 55 and types 18 wants 18; one who leaves 55 wants the preset."""
    assert overrides_of(fields(STANDARD), "standard", fields_follow=True) == {}
    typed = {**fields(STANDARD), "user_count": "18"}
    assert overrides_of(typed, "standard", fields_follow=True) == {"num_users": 18}


def test_a_rate_that_keeps_the_presets_ramp_up_is_no_wish():
    """18 of standard's 55 users in the same 10 s are 1.8 a second: as a request, it would contradict `--ramp-up`."""
    typed = {**fields(STANDARD), "user_count": "18", "spawn_rate": "1.8"}
    assert overrides_of(typed, "standard", fields_follow=True) == {"num_users": 18}


def test_after_a_run_the_page_shows_the_last_wishes_and_means_them():
    """9 stays 9 with the same preset, and is left behind with another."""
    after = ("light", {**LIGHT, "num_users": 9}, {**NO_OVERRIDES, "num_users": 9})
    again = {**fields(LIGHT), "user_count": "9"}
    assert overrides_of(again, pages=[after]) == {"num_users": 9}
    assert overrides_of(again, "standard", pages=[after]) == {}
    assert overrides_of(fields(LIGHT), pages=[after]) == {}


def test_a_page_means_by_its_fields_what_was_asked_for_them():
    """The shown rate may follow from `--ramp-up`: sent back as a rate it would contradict it."""
    shown = {**LIGHT, "num_users": 9, "spawn_rate": 3.0}
    pages = [("light", shown, {**NO_OVERRIDES, "num_users": 9})]
    assert overrides_of(fields(shown), pages=pages, fields_follow=True) == {"num_users": 9}


def test_what_the_command_line_asked_for_stays_unless_changed():
    """`-u 40` with the web UI shows 40 and means 40, with whatever preset is chosen."""
    asked = {**NO_OVERRIDES, "num_users": 40}
    untouched = {**fields(LIGHT), "user_count": "40"}
    assert overrides_of(untouched, asked=asked) == {"num_users": 40}
    assert overrides_of(untouched, "standard", asked=asked) == {"num_users": 40}
    assert overrides_of({**untouched, "user_count": "7"}, asked=asked) == {"num_users": 7}
    assert overrides_of({**untouched, "user_count": ""}, asked=asked) == {"num_users": 40}


def test_a_rate_whose_digits_were_cut_is_the_same():
    """175 users in 30 s are 5.8333333333333330 a second."""
    own = shown_of(options(preset="stress").plan)
    form = {"user_count": "175", "spawn_rate": "5.83333333", "run_time": "600"}
    assert FormOverrides(NO_OVERRIDES).of(form, "stress", own, fields_follow=True) == NO_OVERRIDES


@pytest.mark.parametrize("field", ["user_count", "spawn_rate", "run_time"])
def test_what_is_no_number_is_reported(field):
    """Locust's own answer would come after our check."""
    with pytest.raises(UsageError, match="x"):
        overrides_of({**fields(LIGHT), field: "x"})


@pytest.mark.parametrize(
    ("field", "text"),
    [("user_count", "9" * 400), ("user_count", "10000001"), ("run_time", "9" * 400), ("run_time", "99999999999h")],
)
def test_a_number_beyond_every_run_is_refused(field, text):
    """Floats, time deltas and timers overflow."""
    with pytest.raises(UsageError, match=r"invalid value '(9999|10000001)"):
        overrides_of({**fields(LIGHT), field: text})
