"""Options of the storage: what follows from which, and where the address of the database comes from."""

import pytest

from fleetlm_users.standin.options import LIKE, parse
from fleetlm_users.standin.storage.storage_options import OptionsClash, StorageOptions, database_address

ADDRESS = "postgresql://somebody:a-password@db.example/fleet"


@pytest.mark.parametrize(
    ("flags", "flush_ms", "loses"),
    [
        ("", 0, False),
        ("--flush-ms 50", 50, False),
        ("--quirks", 300, True),
        ("--quirks --flush-ms 1000", 1000, True),
        ("--quirks --flush-ms 0", 0, False),
        ("--lose-during-flush", 300, True),
        ("--storage-groups 4", 5000, False),
        ("--storage-file f", 0, False),
        (f"--database {ADDRESS}", 300, False),
        ("--like early", 300, True),
        ("--like late", 5000, False),
        ("--like late --flush-ms 100", 100, False),
        ("--flush-as-recorded", 300, False),
        ("--flush-as-recorded --protocol=late", 5000, False),
        ("--flush-as-recorded --like late --flush-ms=9", 9, False),
        ("--flush-as-recorded --journal late --storage-file late", 300, False),
        (f"--database {ADDRESS} --protocol late", 5000, False),
    ],
)
def test_when_messages_are_flushed(flags, flush_ms, loses):
    """They are flushed at once, unless an option needs a period."""
    storage = parse(flags.split()).storage
    assert (storage.flush_ms, storage.lose_during_flush) == (flush_ms, loses)
    assert storage.is_plain is (flags in ("", "--quirks --flush-ms 0"))


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ("--journal j", "--journal needs --storage-file"),
        ("--storage-groups 4 --flush-ms 0", "--storage-groups needs a --flush-ms above 0"),
        (f"--database {ADDRESS} --flush-ms 0", "--database needs a --flush-ms above 0"),
        ("--database mysql://a-password@host", "--database: expected the address of a PostgreSQL"),
        ("--database-file /no/such/file", "--database-file /no/such/file cannot be read: No such file"),
    ],
)
def test_options_that_do_not_go_together_are_refused(capsys, flags, words):
    """The error is one line and never shows an address."""
    with pytest.raises(SystemExit) as caught:
        parse(flags.split())
    said = capsys.readouterr().err
    assert (caught.value.code, words in said, "a-password" in said) == (2, True, False)


def test_the_address_comes_from_a_flag_a_file_or_the_environment(tmp_path):
    """They are tried in this order."""
    file = tmp_path / "address"
    file.write_text(f"{ADDRESS}/file\nmore\n", encoding="utf-8")
    environment = {"STANDIN_DATABASE": f"{ADDRESS}/variable"}
    assert database_address(ADDRESS, file, environment) == ADDRESS
    assert database_address(None, file, environment) == f"{ADDRESS}/file"
    assert database_address(None, None, environment) == f"{ADDRESS}/variable"
    assert database_address(None, None, {"STANDIN_DATABASE": ""}) is None
    file.write_bytes(b"\xff")
    with pytest.raises(OptionsClash, match="cannot be read: it is not text"):
        database_address(None, file, {})


def test_the_address_is_not_printed():
    """It holds for everything that prints the options."""
    assert "a-password" not in repr(StorageOptions(database=ADDRESS))
    assert "a-password" not in repr(parse(["--database", ADDRESS]))


def test_every_server_to_be_like_is_described():
    """All of its options exist."""
    for like in LIKE:
        options = parse(["--like", like])
        assert options.like == like
    late = parse(["--like", "late"])
    assert (late.storage.groups, late.faults.append_rate_limit) == (256, 1200.0)
