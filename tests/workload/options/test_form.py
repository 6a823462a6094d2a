"""The start form holds every option that belongs there, once, under a name for people."""

import re
from dataclasses import replace

import pytest

from fleetlm_users.workload.options.benchmark_specs import SEND_INTERVAL
from fleetlm_users.workload.options.form import SECTIONS, fields_of, preset_label
from fleetlm_users.workload.options.model import COMMON
from fleetlm_users.workload.options.specs import count_specs
from fleetlm_users.workload.presets.preset import Preset
from fleetlm_users.workload.presets.presets import load_presets

BEHAVIOURS = ("long_lived", "burst")
SPECS = (*COMMON, *count_specs(BEHAVIOURS), SEND_INTERVAL)
FIELDS = fields_of(SPECS)


def test_every_option_of_the_form_has_one_field_with_a_name_of_its_own():
    """None is forgotten, and none is there that is for the command line only."""
    assert sorted(field.spec.name for field in FIELDS) == sorted(spec.name for spec in SPECS if spec.in_form)
    assert len({field.title for field in FIELDS}) == len(FIELDS)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.spec.name)
def test_a_title_survives_locusts_page(field):
    """It would make camel case of underscores, and part capitals and digits from small letters before them."""
    assert field.title[0].isupper()
    assert not re.search(r"_|[a-z0-9][A-Z0-9]", field.title)
    assert len(field.title) + len(field.spec.hint) < 100


def test_an_option_of_ones_own_may_be_called_like_a_field_of_ours():
    """Two fields of one name would be one on the page, and one of the options could not be set."""
    own = replace(SEND_INTERVAL, name="thresholds", flag="--thresholds", env="THRESHOLDS", title="Thresholds")
    titles = {field.spec.name: field.title for field in fields_of((*SPECS, own))}
    assert (titles["threshold"], titles["thresholds"]) == ("Thresholds", "Thresholds: --thresholds")


def test_sections_follow_each_other_and_the_preset_comes_first():
    """Options needed most are on top, rarely needed ones at the end."""
    order = [field.spec.section for field in FIELDS]
    assert [*dict.fromkeys(order)] == list(SECTIONS)
    assert order == sorted(order, key=SECTIONS.index)
    assert FIELDS[0].spec.name == "preset"
    assert FIELDS[-1].spec.section == "Rarely needed"


@pytest.mark.parametrize(
    ("preset", "label"),
    [
        (load_presets().get("mixed", "light"), "light: 10 long-lived, 5 burst, 3 churn · 2 min"),
        (Preset("mixed", "own", {"burst": 2, "churn": 0}, 90.0), "own: 2 burst · 1m30s"),
        (load_presets().get("session_lifecycle", "default"), "default: 10 lifecycle · no time limit"),
    ],
)
def test_a_presets_label_tells_what_will_run(preset, label):
    """Users of each behaviour that has some, and how long."""
    assert preset_label(preset) == label
