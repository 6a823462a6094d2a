"""The size of a load as text: the answer, the arithmetic, lines for sysctl.conf. Pure."""

from collections.abc import Iterator
from itertools import groupby

from fleetlm_users.cli.plan.kernel import Setting, generator_settings, server_settings
from fleetlm_users.cli.plan.sizing import LoadSizing, SizingStep
from fleetlm_users.measure.report.terminal_style import Style

NAME_COLUMNS = 30


def plan_text(sizing: LoadSizing, style: Style) -> str:
    """Return the answer first, then the arithmetic, then lines to paste into sysctl.conf."""
    lines = ["", *style.wrapped(_answer(sizing), "  ", "  ")]
    lines += [line for warning in sizing.warnings for line in style.wrapped(f"! {warning}", "  ", "    ")]
    for section, steps in groupby(sizing.steps, key=lambda step: step.section):
        lines += style.heading(section)
        lines += [line for step in steps for line in _step(step, style)]
    for title, settings in (
        ("each machine with workers, sysctl", generator_settings(sizing)),
        ("the server's machine, sysctl", server_settings(sizing)),
    ):
        lines += [*style.heading(title), *_sysctl(settings)]
    return style.finish([*lines, ""])


def _answer(sizing: LoadSizing) -> str:
    addresses = _many(sizing.source_addresses, "source address", "source addresses")
    sessions = _many(sizing.demand.sessions, "session") + (" at once" if sizing.demand.session_rate_per_s else "")
    return (
        f"{sessions} at {sizing.demand.rate_per_s:g} messages per second each: "
        f"{_many(sizing.workers, 'worker')} on {_many(sizing.machines, 'machine')}, {addresses} on each, one master."
    )


def _many(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _step(step: SizingStep, style: Style) -> Iterator[str]:
    """Yield the name, the arithmetic and its result on one line; the result on the next line if that is too long."""
    result = f"= {figure(step.value)} {step.unit}".rstrip()
    line = f"    {step.name:{NAME_COLUMNS}}{step.shown} {result}"
    if len(line) <= style.width:
        yield line
        return
    yield from style.wrapped(step.shown, f"    {step.name:{NAME_COLUMNS}}", " " * (NAME_COLUMNS + 4))
    yield " " * (NAME_COLUMNS + 4) + result


def figure(value: float) -> str:
    """Return a number with three significant digits, but never fewer than its integer digits."""
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _sysctl(settings: list[Setting]) -> Iterator[str]:
    for setting in settings:
        yield f"    # {setting.reason}"
        yield f"    {setting.name} = {setting.value}"
