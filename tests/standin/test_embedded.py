"""The options that --standin passes on are refused in a sentence, before anything is started."""

import pytest

from fleetlm_users.errors import UsageError
from fleetlm_users.standin.embedded import EXAMPLE, check_embedded


@pytest.mark.parametrize(
    ("like", "options"), [(None, EXAMPLE), ("early", None), ("late", "--quirks --lose-every=5"), (None, "")]
)
def test_what_the_stand_in_takes_is_accepted(like, options):
    """It holds with and without `--like`."""
    check_embedded(like, options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--webhook-order bogus", ["'--webhook-order bogus'", "invalid choice: 'bogus'", EXAMPLE]),
        ("--webhook-service-ms -1", ["--webhook-service-ms", "a number of 0 or more"]),
        ("--quirk", ["unrecognized arguments: --quirk"]),
        ("--port 4000", ["invalid value '--port'", "set by --standin itself"]),
        ("--host=0.0.0.0 --quirks", ["--host=0.0.0.0", "set by --standin itself"]),
        ("--help", ["--help"]),
        (
            "--database postgresql://u:hidden@h/x",
            ["the address after --database", "STANDIN_DATABASE", "--database-file"],
        ),
        ("--journal j", ["--journal needs --storage-file"]),
        ("--quirks 'x", ["No closing quotation"]),
    ],
)
def test_what_it_does_not_take_is_refused(options, words):
    """The error names the option of the run, the value and the reason."""
    with pytest.raises(UsageError) as caught:
        check_embedded(None, options)
    said = str(caught.value)
    assert "hidden" not in said
    assert [word for word in ["--standin-options (STANDIN_OPTIONS)", *words] if word not in said] == []
