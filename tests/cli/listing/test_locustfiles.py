import pytest

from fleetlm_users.cli.listing.declared_options import Classes
from fleetlm_users.cli.listing.locustfiles import find_locustfiles, read_locustfile

TEXT = '''"""What it does, over
two lines. And more.

Details.
"""
from fleetlm_users.users import BurstUser, install
from fleetlm_users.workload.options.benchmark_specs import SEND_INTERVAL

install("mine", [BurstUser], options=[SEND_INTERVAL])
'''


def test_a_locustfile_is_read_and_not_run(tmp_path):
    """Its benchmark, first sentence, and the names in it."""
    file = tmp_path / "mine.py"
    file.write_text(TEXT)
    found = read_locustfile(file, Classes())
    assert (found.benchmark, found.about) == ("mine", "What it does, over two lines")
    assert [spec.flag for spec in found.options] == ["--send-interval"]
    assert find_locustfiles(tmp_path) == {"mine": found}


@pytest.mark.parametrize("text", ["", "x = 1", "install(name)", "install()", "def (", "raise SystemExit"])
def test_what_installs_nothing_is_passed_over(tmp_path, text):
    """Also what is no Python."""
    file = tmp_path / "other.py"
    file.write_text(text)
    assert read_locustfile(file, Classes()) is None
    assert find_locustfiles(tmp_path) == {}


def test_the_checkouts_own_locustfiles_are_found(tmp_path, monkeypatch):
    """From wherever the command is called."""
    monkeypatch.chdir(tmp_path)
    assert "mixed" in find_locustfiles()
