"""A second as a flat row, and rows as CSV."""

from fleetlm_users.measure.timeline.rows import Second, columns, flat, to_csv


def test_failures_are_everything_that_failed():
    """One column for the eye; its parts are beside it."""
    second = Second()
    second.add([0, [9, 4, 1, 2, 0, 0, 7, 3, 4, 5], 0, 0.0, {}])
    row = flat(0, second)
    assert row["failures"] == 1 + 2 + 3 + 4 + 5


def test_csv_has_a_head_and_an_empty_field_for_what_was_not_measured():
    """0 and nothing are different."""
    second = Second()
    second.add([0, [5] + [0] * 9, 2, 30.0, {}])
    head, row = to_csv([flat(0, second)]).splitlines()
    assert head.split(",") == columns()
    fields = dict(zip(head.split(","), row.split(","), strict=True))
    assert (fields["sent"], fields["append_p95_ms"], fields["append_count"]) == ("5", "", "0")
