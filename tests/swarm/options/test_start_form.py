"""Values shown in the start form come back as the options they stand for."""

import re
from argparse import Namespace
from contextlib import nullcontext
from dataclasses import replace

import pytest
from locust.argument_parser import get_parser
from werkzeug.datastructures import MultiDict

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.host.startup_error import StartupError
from fleetlm_users.swarm.options.parser import register, specs_of
from fleetlm_users.swarm.options.start_form import FOLLOWS, INSTEAD, OF_LOCUST, StartForm
from fleetlm_users.workload.options.specs import option
from tests.swarm.samples import benchmark as mixed

MIXED = mixed()
LIGHT = "light: 10 long-lived, 5 burst, 3 churn · 2 min"
STANDARD = "standard: 30 long-lived, 15 burst, 10 churn · 5 min"


def form_with(*flags, benchmark=MIXED):
    """The form of a process that was started with these flags."""
    parser = get_parser(default_config_files=[])
    register(parser, benchmark)
    return StartForm(benchmark, parser.parse_args(list(flags)))


def shown_on(form):
    """The fields of the page by title."""
    return form.on_page({"users": None}, lambda _: None)["extra_options"]


def test_the_page_shows_labels_and_what_the_command_line_gave():
    """Thresholds given one by one stand in one field."""
    rules = ["append_latency_ms: p(95)<5, p(99)<9", "messages_lost: count<1"]
    page = shown_on(form_with("--preset", "standard", *(each for rule in rules for each in ("--threshold", rule))))
    assert page["Preset"]["default_value"] == STANDARD
    assert page["Preset"]["choices"][:2] == [LIGHT, STANDARD]
    assert page["Thresholds"]["default_value"] == "; ".join(rules)
    assert page["Run on the embedded stand-in"]["default_value"] is False


def test_what_a_page_sends_comes_back_as_it_was():
    """Labels, titles and checkboxes become names and values; only changed values differ."""
    form = form_with()
    sent = {title: str(field["default_value"]).lower() if isinstance(field["default_value"], bool) else
            field["default_value"] for title, field in shown_on(form).items()}  # fmt: skip
    changed = {"Preset": STANDARD, "API URL": "http://x/api", "Log every frame": "true"}
    read = form.options_in(MultiDict({**sent, **changed}))
    assert read["preset"] == "standard"
    assert read["api_url"] == "http://x/api"
    assert read["debug"] is True
    assert read["cleanup"] is False


def test_programs_may_use_the_options_own_names():
    """A preset's name or its label, whichever."""
    sent = {"preset": "stress", "run_id": "r1"}
    assert form_with().options_in(MultiDict(sent)) == sent


def test_thresholds_of_several_fields_count_together():
    """Several lines of a file count so, too."""
    sent = [("threshold", "messages_lost: count<1"), ("threshold", "append_latency_ms: p(95)<5"), ("Thresholds", " ")]
    assert form_with().options_in(MultiDict(sent)) == {
        "threshold": "messages_lost: count<1; append_latency_ms: p(95)<5"
    }


@pytest.mark.parametrize(
    "sent",
    [
        [("preset", "light"), ("preset", "stress")],
        [("preset", "light"), ("Preset", STANDARD)],
        [("user_count", "2"), ("user_count", "3")],
    ],
)
def test_two_values_of_one_field_are_refused(sent):
    """One of them would be dropped."""
    form = form_with()
    with pytest.raises(UsageError, match="expected each field once"):
        form.check(MultiDict(sent))


def test_what_is_no_flag_is_told_by_its_title():
    """`maybe` is neither on nor off."""
    with pytest.raises(UsageError, match="Log every frame"):
        form_with().options_in(MultiDict({"debug": "maybe"}))


def test_locust_gets_its_own_fields_only():
    """It would cut our thresholds at their commas."""
    own = [("user_count", "3"), ("user_classes", "A"), ("user_classes", "B")]
    left = form_with().without_options(MultiDict([*own, ("Thresholds", "x"), (FOLLOWS, "1")]))
    assert list(left.items(multi=True)) == own


SPECS = specs_of(MIXED)


@pytest.mark.parametrize("spec", [spec for spec in SPECS if not spec.in_form], ids=lambda spec: spec.name)
def test_an_option_that_is_not_in_the_form_is_refused_and_said_where_to_set_it(spec):
    """The option may be given by name or by title; Locust would set it for the next run."""
    with pytest.raises(UsageError) as raised:
        form_with().check(MultiDict({"user_count": "1", spec.name: "/etc/passwd"}))
    told = str(raised.value)
    accepted = (
        "the form's own field for it, " if spec.name in INSTEAD else "a flag or a variable, where Locust is started"
    )
    assert told.startswith(f"invalid value for {spec.label}: a field of the web form; expected {accepted}")
    assert "passwd" not in told


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_no_field_of_the_form_names_a_local_path(spec):
    """Nor does one of a benchmark's own, of whatever name."""
    own = replace(
        spec, kind="path", in_form=True, name="journal", flag="--journal", env="JOURNAL", default="", choices=None
    )
    form = form_with(benchmark=replace(MIXED, options=(own,)))
    assert {"Journal", "journal", "Presets file", "Results dir"}.isdisjoint(shown_on(form))
    for key in ("journal", "Journal"):
        with pytest.raises(UsageError):
            form.check(MultiDict({key: "/etc/passwd"}))
    assert "journal" not in form.options_in(MultiDict({"journal": "/etc/passwd"}))


LOCUSTS_OWN = sorted(set(vars(get_parser(default_config_files=[]).parse_args([]))) - set(OF_LOCUST))


@pytest.mark.parametrize("name", LOCUSTS_OWN)
def test_no_option_of_locusts_own_is_set_by_a_field_of_its_name(name):
    """Examples are the files that it writes at its end, its log file and its TLS key."""
    with pytest.raises(UsageError, match=r"^invalid value .* for the web form"):
        form_with().check(MultiDict({name: "/tmp/x"}))


def test_what_the_page_sends_is_taken():
    """Locust's fields, all of ours, and the script's mark."""
    form = form_with()
    form.check(MultiDict([(key, "x") for key in (*OF_LOCUST, *shown_on(form), FOLLOWS, "preset", "run_id")]))


def test_a_value_without_bound_is_refused_without_being_quoted():
    """An answer would send it back."""
    with pytest.raises(
        UsageError, match=r"invalid value for run_id: a text of 20,000 characters; expected at most 10,000"
    ) as raised:
        form_with().check(MultiDict({"run_id": "x" * 20_000}))
    assert len(str(raised.value)) < 200


def test_classes_that_were_not_picked_get_no_users():
    """Without the class picker nothing is picked, and all run."""
    first, *others = MIXED.behaviours
    picked = MultiDict([("user_classes", MIXED.behaviours[first].__name__)])
    assert form_with().left_out(picked) == {f"{name}_vus": "0" for name in others}
    assert form_with().left_out(MultiDict()) == {}


def test_a_secret_is_never_on_the_page_and_stays_when_left_empty():
    """Locust would only mask it: its value would stand in the page's source."""
    token = option("token", help="for the gateway", example="abc", secret=True)
    form = form_with("--token", "hidden", benchmark=replace(MIXED, options=(token,)))
    field = shown_on(form)["Token"]
    assert (field["is_secret"], field["default_value"]) == (True, "")
    assert form.options_in(MultiDict({"Token": ""})) == {}
    assert form.options_in(MultiDict({"Token": "new"})) == {"token": "new"}


def test_presets_of_ones_own_are_in_the_drop_down(tmp_path):
    """A file that has become unreadable does not break the page."""
    own = tmp_path / "own.yaml"
    own.write_text("mixed: {tiny: {users: {burst: 2}, duration_s: 90}}")
    form = StartForm(MIXED, Namespace(presets_file=str(own), preset="tiny"))
    assert shown_on(form)["Preset"]["default_value"] == "tiny: 2 burst · 1m30s"
    assert form.options_in(MultiDict({"Preset": "tiny: 2 burst · 1m30s"}))["preset"] == "tiny"
    own.unlink()
    assert shown_on(form)["Preset"]["choices"][0] == LIGHT


def test_a_message_names_the_field_as_the_page_does():
    """A user who sees only the page knows no flags."""
    problem = UsageError("--api-url (API_URL)", "x", "a URL", "http://h")
    words = "invalid value 'x' for API URL: expected a URL such as http://h"
    assert form_with().words_of(problem) == form_with().words_of(StartupError.of_usage(problem)) == words
    assert form_with().words_of(StartupError("no server", 1)) == "no server"


CLASSES = [user_class.__name__ for user_class in MIXED.behaviours.values()]


@pytest.mark.parametrize(
    ("sent", "shapes", "told"),
    [
        ({"user_classes": CLASSES[0]}, (), ""),
        ({"user_classes": "Nope"}, (), f"'Nope' for User classes: expected one or more of {', '.join(CLASSES)}"),
        ({"user_classes": "x" * 5000}, (), "for User classes: expected one or more of"),
        ({}, (), ""),
        ({"shape_class": "Default"}, (), ""),
        ({"shape_class": "Nope"}, (), "'Nope' for Shape class: expected one of Default, for example Default"),
        ({"shape_class": ""}, (), "'' for Shape class"),
        ({"shape_class": "Steps"}, ("Default", "Steps"), ""),
        ({"shape_class": "Nope"}, ("Default", "Steps"), "expected one of Default, Steps, for example"),
    ],
)
def test_classes_that_are_not_there_are_refused(sent, shapes, told):
    """Locust would pass over them, or fail without a sentence."""
    with pytest.raises(UsageError, match=re.escape(told)) if told else nullcontext():
        form_with().check_classes(MultiDict(sent), shapes)
