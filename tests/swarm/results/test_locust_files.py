"""Locust's own files: refused by the parser if they cannot be written, and never the end of everything else."""

import pytest
from locust.argument_parser import get_parser

from fleetlm_users.swarm.results.locust_files import try_when_parsed
from tests.swarm.results.test_output_file import everything_in


@pytest.fixture
def parser(monkeypatch):
    monkeypatch.setattr("sys.argv", ["locust"])
    made = get_parser()
    try_when_parsed(made)
    return made


@pytest.mark.parametrize("flag", ["--html", "--csv", "--json-file", "--logfile"])
def test_a_file_that_cannot_be_written_is_refused(parser, tmp_path, capsys, flag):
    """There is one sentence, exit code 2, and no trace."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    before = everything_in(tmp_path)
    with pytest.raises(SystemExit) as told:
        parser.parse_args([flag, str(tmp_path / "file" / "x")])
    assert told.value.code == 2
    assert "expected a file that can be written (Not a directory)" in capsys.readouterr().err
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize("flag", ["--html", "--csv", "--json-file", "--logfile"])
def test_a_file_that_can_be_written_is_not_there_yet(parser, tmp_path, flag):
    """Nor is one of the last run emptied."""
    (tmp_path / "old_stats.csv").write_text("old", encoding="utf-8")
    before = everything_in(tmp_path)
    assert str(tmp_path / "old") in vars(parser.parse_args([flag, str(tmp_path / "old")])).values()
    parser.parse_args([flag, str(tmp_path / "new folder" / "{u} {r} {t}")])
    assert everything_in(tmp_path) == before


@pytest.mark.parametrize("variable", ["LOCUST_HTML", "LOCUST_CSV", "LOCUST_LOGFILE"])
def test_the_environment_is_heard_too(parser, tmp_path, monkeypatch, capsys, variable):
    """The source of the path does not matter."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv(variable, str(tmp_path / "file" / "x"))
    with pytest.raises(SystemExit):
        parser.parse_args([])
    assert "expected a file that can be written" in capsys.readouterr().err
