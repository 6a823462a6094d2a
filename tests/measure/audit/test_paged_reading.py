"""Whole sessions, page by page: everything stored is found, and hidden messages are never called lost."""

from itertools import islice

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleetlm_users.measure.audit.comparison import Stored
from fleetlm_users.measure.audit.paged_reading import MessagePage, read_whole

LIMIT = 10


def late_pages(flushed, memory, asked=None):
    """Return pages of FleetLM's late protocol: messages in memory, filled up from the low end of the database."""

    def read(after_seq):
        if asked is not None:
            asked.append(after_seq)
        recent = [seq for seq in sorted(memory) if seq > after_seq][:LIMIT]
        rows = [seq for seq in sorted(flushed) if seq > after_seq][: LIMIT - len(recent)]
        return MessagePage(dict.fromkeys([*rows, *recent], 1), len(rows) + len(recent) >= LIMIT)

    return read


@given(st.sets(st.integers(1, 90)), st.integers(0, 40))
@example(set(range(1, 14)), 1)
@example(set(range(1, 60)), 25)
@example(set(range(1, 60)) - {3}, 0)
@example(set(), 0)
def test_nothing_that_is_stored_is_called_lost(stored, in_memory):
    """Whatever is lost, and however much is only in memory, each seq is found or the reading says nothing about it."""
    rows = sorted(stored)
    at = len(rows) - min(in_memory, len(rows))
    asked = []
    found = read_whole(late_pages(rows[:at], rows[at:], asked), LIMIT)
    for seq in rows:
        assert seq in found.digests or not found.reaches(seq)
    assert set(found.digests) <= stored
    assert len(asked) <= len(rows) + 2


@given(st.sets(st.integers(1, 90)), st.integers(0, LIMIT - 1))
def test_a_session_that_is_flushed_is_found_whole(stored, in_memory):
    """It holds as long as memory fills no page."""
    rows = sorted(stored)
    at = len(rows) - min(in_memory, len(rows))
    assert set(read_whole(late_pages(rows[:at], rows[at:]), LIMIT).digests) == stored


@given(st.sets(st.integers(1, 90)))
def test_losses_near_the_end_are_settled(stored):
    """A hole with less than a page above it: the page from there is not full, so it is complete."""
    found = read_whole(late_pages(stored, ()), LIMIT)
    for lost in set(range(1, 91)) - stored:
        above = sum(seq > lost for seq in stored)
        assert found.reaches(lost) == (above < LIMIT)


def test_the_pages_of_the_record():
    """130 flushed, the 131st in memory: a page of 100 holds 1 to 99 and 131."""
    pages = {0: [*range(1, 100), 131], 131: [], 99: [*range(100, 132)]}
    found = read_whole(lambda after: MessagePage(dict.fromkeys(pages[after], 1), len(pages[after]) >= 100), 100)
    assert found == Stored(dict.fromkeys(range(1, 132), 1))


@pytest.mark.parametrize("flushed_later", [False, True])
def test_a_whole_page_of_memory_hides_what_is_before_it(flushed_later):
    """1 to 5 are flushed and no page shows them: they are in doubt, and found once the rest is flushed."""
    memory = range(6, 30)
    found = read_whole(late_pages(range(1, 30), ()) if flushed_later else late_pages(range(1, 6), memory), LIMIT)
    assert found.hidden == (() if flushed_later else (range(1, 6),))
    assert found.is_whole == flushed_later
    assert found.may_hide(3) != flushed_later
    assert not found.may_hide(6)


def test_a_server_that_repeats_itself_is_not_asked_for_ever():
    """It ignores the seq, so nothing is known about messages above its page."""
    found = read_whole(lambda after: MessagePage(dict.fromkeys(range(2, 12), 1), is_full=True), LIMIT)
    assert found.may_hide(1)
    assert [found.may_hide(seq) for seq in (2, 11)] == [False, False]
    assert [found.reaches(seq) for seq in (11, 12, 10**9)] == [True, False, False]
    assert [found.may_hide(seq) for seq in (12, 10**9)] == [True, True]


@given(st.lists(st.tuples(st.sets(st.integers(-5, 30), max_size=12), st.booleans()), max_size=30))
def test_any_pages_come_to_an_end(pages):
    """Even invented pages end."""
    answers = iter(pages)
    found = read_whole(
        lambda after: next(
            (MessagePage(dict.fromkeys(seqs, 1), full) for seqs, full in answers), MessagePage({}, False)
        ),
        LIMIT,
    )
    assert all(not found.reaches(seq) for hole in found.hidden for seq in islice(hole, 100))


def test_a_reading_can_begin_in_the_middle():
    """Anything below is out of its scope."""
    found = read_whole(late_pages(range(1, 30), ()), LIMIT, after_seq=20)
    assert set(found.digests) == set(range(21, 30))
    assert found.hidden == ()
