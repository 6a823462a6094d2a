"""What the start form shows comes back as the options that it stands for."""

from argparse import Namespace
from dataclasses import replace

import pytest
from locust.argument_parser import get_parser
from werkzeug.datastructures import MultiDict

from fleetlm_users.errors import UsageError
from fleetlm_users.swarm.options import register
from fleetlm_users.swarm.start_form import FOLLOWS, StartForm
from fleetlm_users.workload.option_spec import OptionSpec
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
    """Labels, titles and checkboxes to names and values; nothing but what was changed is another."""
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


def test_what_is_no_flag_is_told_by_its_title():
    """`maybe` is neither on nor off."""
    with pytest.raises(UsageError, match="Log every frame"):
        form_with().options_in(MultiDict({"debug": "maybe"}))


def test_locust_gets_its_own_fields_only():
    """It would cut our thresholds at their commas."""
    own = [("user_count", "3"), ("user_classes", "A"), ("user_classes", "B")]
    left = form_with().without_options(MultiDict([*own, ("Thresholds", "x"), (FOLLOWS, "1")]))
    assert list(left.items(multi=True)) == own


def test_classes_that_were_not_picked_get_no_users():
    """Without the class picker nothing is picked, and all run."""
    first, *others = MIXED.behaviours
    picked = MultiDict([("user_classes", MIXED.behaviours[first].__name__)])
    assert form_with().left_out(picked) == {f"{name}_vus": "0" for name in others}
    assert form_with().left_out(MultiDict()) == {}


def test_a_secret_is_never_on_the_page_and_stays_when_left_empty():
    """Locust would only mask it: its value would stand in the page's source."""
    token = OptionSpec("token", "--token", "TOKEN", "", "for the gateway", "text", "abc", secret=True)
    form = form_with("--token", "hidden", benchmark=replace(MIXED, options=(token,)))
    field = shown_on(form)["Token"]
    assert (field["is_secret"], field["default_value"]) == (True, "")
    assert form.options_in(MultiDict({"Token": ""})) == {}
    assert form.options_in(MultiDict({"Token": "new"})) == {"token": "new"}


def test_presets_of_ones_own_are_in_the_drop_down(tmp_path):
    """And a file that has become unreadable does not take the page with it."""
    own = tmp_path / "own.yaml"
    own.write_text("mixed: {tiny: {users: {burst: 2}, duration_s: 90}}")
    form = StartForm(MIXED, Namespace(presets_file=str(own), preset="tiny"))
    assert shown_on(form)["Preset"]["default_value"] == "tiny: 2 burst · 1m30s"
    assert form.options_in(MultiDict({"Preset": "tiny: 2 burst · 1m30s"}))["preset"] == "tiny"
    own.unlink()
    assert shown_on(form)["Preset"]["choices"][0] == LIGHT


def test_a_message_names_the_field_as_the_page_does():
    """Who sees only the page knows no flags."""
    assert form_with().in_its_words("--api-url (API_URL): got 'x'") == "API URL: got 'x'"
