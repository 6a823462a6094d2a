"""A trend: the set-ups of a history with their series, and whether the newest runs are worse than before. Pure."""

from collections.abc import Collection
from dataclasses import dataclass

from fleetlm_users.cli.trend.change_points import fewest_after, fewest_figures
from fleetlm_users.cli.trend.history import RunHistory
from fleetlm_users.cli.trend.series import (
    FigureSeries,
    LevelChange,
    TrendSettings,
    redefinitions,
    series_of,
    unmeasured,
    unwanted,
)
from fleetlm_users.cli.trend.setups import Setup, setups_of
from fleetlm_users.measure.comparing.comparison import INCOMPARABLE, NO_REGRESSION, REGRESSION


@dataclass(frozen=True)
class SetupTrend:
    """One set-up's series. `unwanted` are changes for the worse that precede its newest run, `unmeasured` the judged
    figures for which that run has no value.
    """

    setup: Setup
    series: tuple[FigureSeries, ...]
    unwanted: tuple[tuple[FigureSeries, LevelChange], ...]
    unmeasured: tuple[str, ...]
    fewest_runs: int

    @property
    def is_too_short(self) -> bool:
        """Whether there are too few runs to find any change."""
        return len(self.setup.runs) < self.fewest_runs


@dataclass(frozen=True)
class TrendAnalysis:
    """A trend, the set-up of the newest run first."""

    history: RunHistory
    settings: TrendSettings
    setups: tuple[SetupTrend, ...]

    @property
    def deciding(self) -> tuple[SetupTrend, ...]:
        """The set-up of each benchmark's newest run."""
        return tuple(one for one in self.setups if one.setup.decides)

    @property
    def exit_code(self) -> int:
        """3 if a newest run comes after an unwanted change, 4 if too little was measured to tell, otherwise 0."""
        if any(one.unwanted for one in self.deciding):
            return REGRESSION
        is_open = not self.deciding or any(one.is_too_short or one.unmeasured for one in self.deciding)
        return INCOMPARABLE if is_open else NO_REGRESSION

    @property
    def answer(self) -> str:
        """The answer in a few words."""
        return {REGRESSION: "worse", INCOMPARABLE: "inconclusive", NO_REGRESSION: "no unwanted change"}[self.exit_code]

    def cautions(self) -> list[str]:
        """Return the limits of the answer."""
        since = len(self.history.left_out_since)
        cautions = []
        if since:
            results = f"{since} result{'s' if since != 1 else ''}"
            cautions.append(
                f"{results} after run {self.history.runs[-1].name} left out: the trend says nothing of the time since"
            )
        for one in self.deciding:
            runs = len(one.setup.runs)
            cautions += [f"{one.setup.benchmark}: the newest run did not measure {name}" for name in one.unmeasured]
            if one.setup.newest.file.verdict == "fail":
                cautions.append(f"{one.setup.benchmark}: the newest run failed its own thresholds")
            for changed, n in redefinitions(one.setup):
                left_out = f"{n} older run{'s' if n != 1 else ''}"
                cautions.append(f"{one.setup.benchmark}: {changed} ({left_out} left out of it)")
            after = fewest_after(runs, self.settings.significance)
            if one.is_too_short:
                few = f"{runs} run{'s' if runs != 1 else ''} of this set-up"
                cautions.append(f"{one.setup.benchmark}: {few}, and a change needs {one.fewest_runs} to be found")
            elif after is not None:
                cautions.append(f"{one.setup.benchmark}: a change needs at least {after} runs behind it to be found")
        return cautions


def trend_of(history: RunHistory, settings: TrendSettings, ignored: Collection[str] = ()) -> TrendAnalysis:
    """Return the trend of a history; settings in `ignored` may differ within a set-up."""
    fewest = fewest_figures(settings.significance)
    setups = []
    for setup in setups_of(history.runs, ignored):
        series = tuple(series_of(setup, settings))
        setups.append(
            SetupTrend(setup, series, tuple(unwanted(series, settings.accepted)), tuple(unmeasured(setup)), fewest)
        )
    return TrendAnalysis(history, settings, tuple(setups))
