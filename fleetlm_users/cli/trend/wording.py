"""A trend in words: figures, changes, set-ups and reasons, the same for terminal and page. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from fleetlm_users.cli.trend.analysis import SetupTrend, TrendAnalysis
from fleetlm_users.cli.trend.history import PastRun
from fleetlm_users.cli.trend.series import FigureSeries, LevelChange
from fleetlm_users.cli.trend.setups import Setup, differences
from fleetlm_users.measure import formatting
from fleetlm_users.measure.comparing.comparison import INCOMPARABLE
from fleetlm_users.measure.comparing.wording import setting

FIGURE_HEAD: Final = ("", "newest", "level", "runs", "change", "since")
CHANGE_HEAD: Final = ("", "from", "to", "change", "first run", "of", "commit", "runs before, after", "p")
MAX_DIFFERENCES: Final = 3
MAX_LEFT_OUT: Final = 20
MAX_REASON_CHARS: Final = 160


def value(series: FigureSeries, number: float | None) -> str:
    """Return a value of a series with its unit."""
    if number is None:
        return formatting.NOTHING
    if series.kind == "counter":
        return formatting.per_s(number)
    if series.kind == "rate":
        return formatting.percent(number)
    return formatting.measured(number, series.unit)


def change(series: FigureSeries, change_: LevelChange) -> str:
    """Return how much a level changed: in percentage points for rates, otherwise in percent, or absolute if it was
    0.
    """
    if series.kind == "rate":
        return f"{(change_.after - change_.before) * 100:+.2f} pp"
    if change_.share is None:
        return f"+{value(series, change_.after)}"
    return f"{change_.share * 100:+,.1f} %"


def kind_of(series: FigureSeries, change_: LevelChange) -> str:
    """Return the kind of a change: worse, better, changed, or small."""
    if change_.is_unwanted:
        return "worse"
    if change_.is_small:
        return "small"
    if change_.is_better is None:
        return "changed"
    return "better" if change_.is_better else "worse then, recovered since"


def day(run: PastRun) -> str:
    """Return the day on which a run started, in UTC."""
    return f"{run.started:%Y-%m-%d}"


def setup_title(setup: Setup) -> str:
    """Return the title of a set-up."""
    plan = setup.newest.file.summary["plan"]
    users = plan.get("total_users")
    parts = [
        setup.benchmark or "run",
        f"preset {plan['preset']}" if plan.get("preset") else "",
        f"{formatting.count(users)} users" if users else "",
        str(setup.settings.get("cpu") or ""),
        f"{setup.settings['cores']} cores" if setup.settings.get("cores") else "",
    ]
    return " · ".join(part for part in parts if part)


def span(setup: Setup) -> str:
    """Return how many runs a set-up has, and their days."""
    return f"{len(setup.runs)} runs from {day(setup.runs[0])} to {day(setup.newest)}"


def reasons(trend: TrendAnalysis) -> list[tuple[str, str]]:
    """Return the grounds of the answer, each with its sign: unwanted changes ✗, open questions ?, accepted ones !."""
    worse = [("✗", sentence(*one)) for setup in trend.deciding for one in setup.unwanted]
    sign = "?" if trend.exit_code == INCOMPARABLE else "!"
    return [*worse, *((sign, caution) for caution in trend.cautions()), *(("!", text) for text in _apart(trend))]


def sentence(series: FigureSeries, change_: LevelChange) -> str:
    """Return an unwanted change as a sentence."""
    commit = f", commit {change_.first.commit}" if change_.first.commit else ""
    return (
        f"{series.name} is worse since run {change_.first.name} of {day(change_.first)}{commit}: "
        f"{value(series, change_.before)}, then {value(series, change_.after)} ({change(series, change_)}), "
        f"and {value(series, series.level)} now"
    )


def change_row(series: FigureSeries, change_: LevelChange) -> tuple[str, ...]:
    """Return a change as cells, in the order of CHANGE_HEAD."""
    return (
        f"{series.name} ({kind_of(series, change_)})",
        value(series, change_.before),
        value(series, change_.after),
        change(series, change_),
        change_.first.name,
        day(change_.first),
        change_.first.commit or formatting.NOTHING,
        f"{change_.runs_before}, {change_.runs_after}",
        f"{change_.p_value:.3f}",
    )


def figure_row(series: FigureSeries) -> tuple[str, ...]:
    """Return a series as cells, in the order of FIGURE_HEAD; judged figures are marked."""
    last = series.changes[-1] if series.changes else None
    return (
        f"{series.name}{' *' if series.is_judged else ''}",
        value(series, series.points[-1].value),
        value(series, series.level),
        formatting.count(len(series.points)),
        change(series, last) if last else "",
        day(last.first) if last else "",
    )


def is_nothing(series: FigureSeries) -> bool:
    """Return whether a counter counted nothing in any run, and no threshold names it."""
    return series.kind == "counter" and not series.is_judged and not any(point.value for point in series.points)


def left_out(trend: TrendAnalysis) -> list[tuple[str, str]]:
    """Return each result that is not part of the trend: its path and the reason, cut if they are many or long."""
    known = trend.history.left_out
    rows = [(str(one.path), cut(one.reason)) for one in known[:MAX_LEFT_OUT]]
    return rows + ([(f"… and {len(known) - MAX_LEFT_OUT} more", "")] if len(known) > MAX_LEFT_OUT else [])


def cut(text: str) -> str:
    """Return a text, cut if it is long."""
    return text if len(text) <= MAX_REASON_CHARS else text[: MAX_REASON_CHARS - 1] + "…"


def _apart(trend: TrendAnalysis) -> Iterator[str]:
    """Yield the set-ups kept apart from that of the benchmark's newest run, and why."""
    deciding = {one.setup.benchmark: one.setup for one in trend.deciding}
    for one in trend.setups:
        if not one.setup.decides:
            reason = why(one.setup, deciding[one.setup.benchmark])
            yield f"kept apart: {_runs(one)} of {one.setup.benchmark or 'a benchmark'} with {reason}"


def why(setup: Setup, newest: Setup) -> str:
    """Return the settings that separate a set-up from that of the newest run."""
    differing = list(differences(setup, newest))
    words = [f"{name} {_shown(value_)} instead of {_shown(now)}" for name, value_, now in differing[:MAX_DIFFERENCES]]
    return ", ".join(words) + (
        f" and {len(differing) - MAX_DIFFERENCES} more" if len(differing) > MAX_DIFFERENCES else ""
    )


def _runs(one: SetupTrend) -> str:
    count = len(one.setup.runs)
    return f"{count} run{'s' if count != 1 else ''}"


def _shown(value_: Any) -> str:
    if isinstance(value_, Mapping):
        value_ = ", ".join(f"{name} {item}" for name, item in value_.items())
    return setting(value_)
