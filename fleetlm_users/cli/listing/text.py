"""The inventory as text for a terminal. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from fleetlm_users.measure.report.terminal_style import Style
from fleetlm_users.workload.duration import format_duration

Json = Mapping[str, Any]
_INDENT: Final = "      "
_LABEL_WIDTH: Final = len("by behaviour") + 1


def render(what: str, rows: Sequence[Json], style: Style) -> str:
    """Return the list, ended by a newline; `what` is benchmarks, presets, metrics or options."""
    lines = {"benchmarks": _benchmarks, "presets": _presets, "metrics": _metrics, "options": _options}[what]
    return style.finish([*lines(rows, style), ""])


def plan_line(plan: Json) -> str:
    """Return a plan's users and length in one line."""
    users = ", ".join(f"{count} {name}" for name, count in plan["users"].items())
    length = f"for {format_duration(plan['duration_s'])}" if plan["duration_s"] else "until all are done, or stopped"
    return f"{users}, {length}"


def _benchmarks(rows: Sequence[Json], style: Style) -> Iterator[str]:
    for item in rows:
        yield ""
        yield f"  {style.paint(item['name'], 'bold')}  {style.paint(item['file'] or '', 'dim')}"
        yield from style.wrapped(item["about"], _INDENT, _INDENT)
        if item["default"]:
            yield from _labelled("default", plan_line(item["default"]), style)
            yield from _labelled("thresholds", " · ".join(item["default"]["thresholds"]), style)
        yield from _labelled("by behaviour", " · ".join(item["behaviour_thresholds"]), style)
        yield from _labelled("presets", ", ".join(item["presets"]), style)
        yield from _labelled("options", " ".join(item["options"]), style)
    yield ""
    yield from style.wrapped("Run one: locust --headless -f FILE. More: fleetlm-bench list options", "  ", "  ")


def _presets(rows: Sequence[Json], style: Style) -> Iterator[str]:
    benchmark = ""
    for item in rows:
        if item["benchmark"] != benchmark:
            benchmark = item["benchmark"]
            yield from style.heading("{}", benchmark)
        default = style.paint(" (default)", "dim") if item["default"] else ""
        yield f"  {style.paint(item['preset'], 'bold')}{default}"
        yield from style.wrapped(item["description"], _INDENT, _INDENT)
        yield from _labelled("users", plan_line(item), style)
        phases = f"ramp-up {format_duration(item['ramp_up_s'])}, warm-up {format_duration(item['warm_up_s'])}"
        yield from _labelled("phases", phases, style)
        yield from _labelled("thresholds", " · ".join(item["thresholds"]), style)
        yield from _labelled("options", ", ".join(f"{name}: {value}" for name, value in item["options"].items()), style)


def _metrics(rows: Sequence[Json], style: Style) -> Iterator[str]:
    kind = ""
    for item in sorted(rows, key=lambda item: ("trend", "rate", "counter", "gauge").index(item["kind"])):
        if item["kind"] != kind:
            kind = item["kind"]
            yield from style.heading(f"{kind}s")
        unit = f" ({item['unit']})" if item["unit"] not in ("count", "%") else ""
        aliases = f", also {', '.join(item['aliases'])}" if item["aliases"] else ""
        yield f"  {style.paint(item['name'], 'bold')}{style.paint(unit + aliases, 'dim')}"
        yield from style.wrapped(item["meaning"], _INDENT, _INDENT)


def _options(rows: Sequence[Json], style: Style) -> Iterator[str]:
    group = ""
    groups = list(dict.fromkeys(item["group"] for item in rows))
    for item in sorted(rows, key=lambda item: groups.index(item["group"])):
        if item["group"] != group:
            group = item["group"]
            yield from style.heading(group)
        default = f", default {item['default']}" if item["default"] else ""
        yield f"  {style.paint(item['flag'], 'bold')}  {style.paint(item['env'] + default, 'dim')}"
        only = f" ({', '.join(item['benchmarks'])})" if item["benchmarks"] else ""
        yield from style.wrapped(item["help"] + only, _INDENT, _INDENT)


def _labelled(name: str, text: str, style: Style) -> list[str]:
    if not text:
        return []
    first, *rest = style.wrapped(text, f"{_INDENT}{name:<{_LABEL_WIDTH}}", f"{_INDENT}{'':<{_LABEL_WIDTH}}")
    return [first.replace(name, style.paint(name, "dim"), 1), *rest]
