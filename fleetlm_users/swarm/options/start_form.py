"""The start form on Locust's page: its fields named and ordered for people, and its submitted values read back.

Locust's page uses a field's key both as its label and as the name that it sends. It splits the key at capitals that
follow small letters, and leaves it unchanged if it begins with a capital (webui: utils/string.ts, utils/object.ts). So
a field's title serves as its key; `options_in` accepts the title and the option's own name.
"""

from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from werkzeug.datastructures import MultiDict

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import Described, described
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.host.startup_error import StartupError
from fleetlm_users.swarm.options.form_overrides import ShownPlan
from fleetlm_users.swarm.options.parser import presets_of, specs_of
from fleetlm_users.workload.options.form import FormField, fields_of, preset_label
from fleetlm_users.workload.options.parsing import parse_value
from fleetlm_users.workload.options.resolution import common_value
from fleetlm_users.workload.options.specs import count_name
from fleetlm_users.workload.presets.preset import Preset

FOLLOWS: Final = "fleetlm_fields_follow"
"""Sent by the page's script: users, spawn rate and run time are reset whenever another preset is chosen."""

PRESET: Final = "preset"
WIDE: Final = (PRESET, "threshold")
"""Fields as wide as the form."""

PROFILES: Final = {"stages": "Users", "session_rate": "Sessions a second"}
"""The options that the page draws over time, with their units."""

OF_LOCUST: Final = ("user_count", "spawn_rate", "run_time", "host", "user_classes", "shape_class", "profile")
"""Locust's own fields (web.py: swarm)."""

NO_SHAPE: Final = "Default"
"""The form's value for no LoadTestShape (web.py: swarm)."""

INSTEAD: Final = {"vus": "user_count", "duration": "run_time", "ramp_up": "spawn_rate"}
"""Locust's fields that replace options of the same meaning in the form."""

MAX_VALUE_CHARACTERS: Final = 10_000

Json = dict[str, Any]


class StartForm:
    """The form of one benchmark; `parsed` are Locust's parsed options, which hold the values submitted last."""

    def __init__(self, benchmark: Benchmark, parsed: Namespace) -> None:
        self._benchmark = benchmark
        self._parsed = parsed
        self._fields = fields_of(specs_of(benchmark))

    def on_page(self, args: Mapping[str, Any], shown_with: Callable[[str], ShownPlan | None]) -> Json:
        """Return the arguments of Locust's page with our form in them.

        `shown_with` returns what a preset of that name would show; None for one that cannot run at present.
        """
        presets = self._presets()
        shown = {preset_label(preset): shown_with(name) for name, preset in presets.items()}
        sections: dict[str, list[str]] = {}
        for field in self._fields:
            sections.setdefault(field.spec.section, []).append(field.title)
        return {
            **args,
            "extra_options": {field.title: self._on_page(field, presets) for field in self._fields},
            "missing_host_warning": False,  # the URLs are fields of their own
            "fleetlm_form": {
                "sections": list(sections.items()),
                "preset": self._title_of(PRESET),
                "wide": [self._title_of(name) for name in WIDE],
                "shown": {label: values for label, values in shown.items() if values is not None},
                "profiles": [
                    {
                        "field": self._title_of(name),
                        "what": what,
                        "of": {preset_label(preset): str(preset.options.get(name, "")) for preset in presets.values()},
                    }
                    for name, what in PROFILES.items()
                ],
                "told": {preset_label(preset): _described(preset) for preset in presets.values()},
                "follows": FOLLOWS,
            },
        }

    def options_in(self, form: MultiDict[str, str]) -> dict[str, str | bool]:
        """Return the options in a form by name; a secret left empty keeps its value.

        Raise UsageError for an invalid flag.
        """
        options: dict[str, str | bool] = {}
        labels = {preset_label(preset): name for name, preset in self._presets().items()}
        for field in self._fields:
            text = _text_in(form, field)
            if text is None or (field.spec.secret and not text):
                continue
            options[field.spec.name] = parse_value(field.spec, text, field.title) if field.spec.kind == "flag" else text
            if field.spec.name == PRESET:
                options[PRESET] = labels.get(text, text)
        return options

    def check(self, form: MultiDict[str, str]) -> None:
        """Raise UsageError for a field that the form lacks or has twice, and for a value that is too long.

        Locust would set any of its own options from a field of that name, such as the file that it writes at its end.
        """
        ours = {name for field in self._fields for name in (field.title, field.spec.name)}
        for key in form:
            if key in OF_LOCUST and key != "user_classes" and len(set(form.getlist(key))) > 1:
                raise _repeated(key)
        for field in self._fields:
            _text_in(form, field)
        for key, value in form.items(multi=True):
            if key not in (*ours, *OF_LOCUST, FOLLOWS):
                raise self._no_field(key)
            if len(value) > MAX_VALUE_CHARACTERS:
                accepted = f"at most {MAX_VALUE_CHARACTERS:,} characters"
                raise UsageError(key, described(value), accepted, "`messages_lost: count<1`")

    def check_classes(self, form: MultiDict[str, str], shapes: Iterable[str]) -> None:
        """Raise UsageError for user classes that the benchmark lacks, and for a shape not among `shapes`.

        Locust ignores the former, and answers the latter with its own error page.
        """
        classes = [user_class.__name__ for user_class in self._benchmark.behaviours.values()]
        for name in form.getlist("user_classes"):
            if name not in classes:
                raise UsageError("User classes", name, f"one or more of {', '.join(classes)}", classes[0])
        accepted = [NO_SHAPE, *(shape for shape in shapes if shape != NO_SHAPE)]
        shape = form.get("shape_class", NO_SHAPE)
        if shape not in accepted:
            raise UsageError("Shape class", shape, f"one of {', '.join(accepted)}", NO_SHAPE)

    def changed_in(self, form: MultiDict[str, str]) -> list[str]:
        """Return the titles of the options whose value differs from the one submitted last.

        Raise UsageError for an invalid flag.
        """
        present, given = self._shown(), self.options_in(form)
        titles = {field.spec.name: field.title for field in self._fields}
        return [titles[name] for name, value in given.items() if value != present[name]]

    def without_options(self, form: MultiDict[str, str]) -> MultiDict[str, str]:
        """Return Locust's own fields: it would convert ours to the previous value's type, and split lists."""
        ours = {name for field in self._fields for name in (field.title, field.spec.name)} | {FOLLOWS}
        return MultiDict([(key, value) for key, value in form.items(multi=True) if key not in ours])

    def left_out(self, form: MultiDict[str, str]) -> dict[str, str]:
        """Return options that give no users to the classes left out in Locust's class picker."""
        picked = form.getlist("user_classes")
        if not picked:
            return {}
        behaviours = self._benchmark.behaviours.items()
        return {count_name(name): "0" for name, user_class in behaviours if user_class.__name__ not in picked}

    def words_of(self, problem: StartupError | UsageError) -> str:
        """Return the text of a problem; a setting that is a field of the form is named by its title."""
        usage = problem.usage if isinstance(problem, StartupError) else problem
        if usage is None:
            return str(problem)
        titles = {field.spec.label: field.title for field in self._fields}
        return usage.for_setting(titles.get(usage.what, usage.what))

    def _no_field(self, key: str) -> UsageError:
        for spec in specs_of(self._benchmark):
            if key == spec.name and key in INSTEAD:
                accepted = f"the form's own field for it, {INSTEAD[key]}"
                return UsageError(spec.label, Described("a field of the web form"), accepted, INSTEAD[key])
            if key == spec.name:
                accepted = "a flag or a variable, where Locust is started"
                return UsageError(
                    spec.label, Described("a field of the web form"), accepted, f"{spec.flag} {spec.example}"
                )
        return UsageError("the web form", key, "a field of it: one of Locust's own, or an option by its name", "run_id")

    def _shown(self) -> dict[str, Any]:
        """Return the present value of every option as shown on the page, by option name."""
        present: dict[str, Any] = {}
        for field in self._fields:
            value = getattr(self._parsed, field.spec.name, field.spec.default)
            value = "; ".join(value) if isinstance(value, list | tuple) else value
            present[field.spec.name] = "" if value is None else value
        return present

    def _on_page(self, field: FormField, presets: Mapping[str, Preset]) -> Json:
        spec = field.spec
        value: Any = self._shown()[spec.name]
        choices = list(spec.choices) if spec.choices else None
        if choices and not spec.default:
            choices = ["", *choices]  # otherwise the page would choose the first one itself
        if spec.name == PRESET:
            choices = [preset_label(preset) for preset in presets.values()]
            value = preset_label(presets[value]) if value in presets else value
        return {
            "default_value": "" if spec.secret else value,
            "is_secret": spec.secret,
            "is_required": False,
            "help_text": field.spec.hint,
            "is_multiple": False,
            "choices": choices,
        }

    def _presets(self) -> Mapping[str, Preset]:
        """Return the presets to choose from; the page still works if a user's own file has become unreadable."""
        try:
            return presets_of(self._benchmark, common_value(vars(self._parsed), "presets_file")).of(
                self._benchmark.name
            )
        except UsageError:
            return presets_of(self._benchmark).of(self._benchmark.name)

    def _title_of(self, name: str) -> str:
        return next(field.title for field in self._fields if field.spec.name == name)


def _text_in(form: MultiDict[str, str], field: FormField) -> str | None:
    """Return the text of a field by its title or option name; several thresholds are combined, as in a file.

    Raise UsageError for two values of any other option: one of them would be dropped.
    """
    texts = [text for key in dict.fromkeys((field.title, field.spec.name)) for text in form.getlist(key)]
    if field.spec.repeatable and texts:
        return "; ".join(text for text in texts if text.strip())
    if len(set(texts)) > 1:
        raise _repeated(field.title)
    return texts[0] if texts else None


def _repeated(key: str) -> UsageError:
    return UsageError("the web form", key, "each field once", f"a single {key}")


def _described(preset: Preset) -> str:
    judged = " and ".join(filter(None, ("; ".join(preset.thresholds), "the default thresholds of its behaviours")))
    return f"{preset.description or preset.name}. Judged by {judged}."
