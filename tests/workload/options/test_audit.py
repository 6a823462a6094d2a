"""The audit's options: off by default, complete before a run, and never showing the database's address."""

from dataclasses import replace

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.options.audit import DATABASE, OFF, check_audit, settle_s, way_of, with_database_file
from fleetlm_users.workload.options.model import describe
from tests.swarm.samples import options

SECRET = "postgresql://reader:s3cret@db.example.org/fleetlm"


def test_it_is_off_unless_asked_for():
    """It waits for two flushes."""
    assert way_of(options()) == way_of(options(audit="off")) == OFF
    assert settle_s(options(), 0.3) == 0.6
    assert settle_s(options(), 5.0) == 10.0
    assert settle_s(options(audit_after="5s"), 0.3) == 5.0


def test_the_database_needs_its_address():
    """Which the error asks for by its flag and its variable."""
    check_audit(options(audit=DATABASE, audit_database=SECRET))
    check_audit(options(audit="replay"))
    with pytest.raises(UsageError, match=r"--audit-database \(AUDIT_DATABASE\)"):
        check_audit(options(audit=DATABASE))


@pytest.mark.parametrize("share", [1.01, 50])
def test_a_share_above_one_is_refused(share):
    """50 would be read as 50 %."""
    with pytest.raises(UsageError, match="audit-share"):
        options(audit_share=str(share))


@pytest.mark.parametrize("text", ["mysql://u:s3cret@h/d", "s3cret", "postgresql://h/s3 cret", "https://u:s3cret@h"])
def test_an_address_that_is_none_is_refused_without_showing_it(text):
    """It may hold a password all the same."""
    with pytest.raises(UsageError) as problem:
        options(audit_database=text)
    assert "s3" not in str(problem.value)
    assert "postgresql://" in str(problem.value)


def test_nothing_shows_the_address():
    """It covers the description, which reports show, and the repr, which a log might."""
    made = options(audit=DATABASE, audit_database=SECRET)
    assert made.audit_database == SECRET
    assert "s3cret" not in repr(made)
    assert "s3cret" not in str(describe(made))
    assert "db.example.org" not in str(describe(made))


def test_the_address_may_stand_in_a_file(tmp_path):
    """A line end says nothing; flag and variable beat the file, which is read for an audit of the database alone."""
    file = tmp_path / "database"
    file.write_text(f"{SECRET}\n")
    named = options(audit=DATABASE, audit_database_file=str(file))
    assert with_database_file(named).audit_database == SECRET
    given = options(audit=DATABASE, audit_database_file=str(file), audit_database="postgresql://other/d")
    assert with_database_file(given).audit_database == "postgresql://other/d"
    assert with_database_file(replace(named, audit="replay")).audit_database is None


@pytest.mark.parametrize("content", [None, "s3cret", b"\xff\xfe"])
def test_a_file_that_holds_no_address_is_refused(tmp_path, content):
    """The error does not show its content."""
    file = tmp_path / "database"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as problem:
        with_database_file(options(audit=DATABASE, audit_database_file=str(file)))
    assert "--audit-database-file" in str(problem.value)
    assert "s3cret" not in str(problem.value)
