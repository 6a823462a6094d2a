"""The command line of the bench: how many rounds there are."""

import pytest

from benchmarks import cli
from benchmarks.figures import FIGURES


def settings(*words):
    options = cli.parser().parse_args(["run", *words])
    return cli._settings(options, options.figures or list(FIGURES.values()))


def test_as_many_rounds_as_fit_into_the_minutes():
    """Each round covers all contenders of all requested figures."""
    figure = FIGURES["churn"]
    one = figure.seconds(settings()) * len(figure.contenders) / 60
    assert settings("churn", "--minutes", "24").pairs == int(24 / one) > 1


def test_minutes_into_which_no_round_fits_are_refused():
    with pytest.raises(SystemExit, match=r"--minutes 3: one round takes about \d+ min; name fewer figures"):
        settings("--minutes", "3")
    with pytest.raises(SystemExit, match="give one of them"):
        settings("churn", "--minutes", "24", "--pairs", "2")
