"""The pieces of streaming answers: when each began, its gaps, and whether the whole answer followed."""

import pytest

from fleetlm_users.protocol.answer_streams import ENDS, STEPS, WITHIN, AnswerStreams
from fleetlm_users.protocol.observer import SentMessage, UpperBound
from tests.protocol.notes import Notes

LINES = ({"type": "text-start", "id": "p1"}, {"type": "text-delta", "id": "p1"}, {"type": "text-end", "id": "p1"})
FINISH = {"type": "finish"}


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def streams(notes):
    return AnswerStreams(
        notes, lambda message, is_finished: notes.note("missed", message and message.client_ref, is_finished)
    )


def message(n):
    return SentMessage(f"c{n}", 0.0, 0.0, "main")


def play(streams, chunks, to=None, at_s=1.0, every_s=1.0):
    for n, chunk in enumerate(chunks):
        streams.chunk({"agent_id": "a", "chunk": chunk}, [] if to is None else [to], at_s + n * every_s)


def test_an_answer_is_timed_from_its_first_to_its_last_piece(streams, notes):
    """The whole message ends it, some time later."""
    play(streams, (*LINES, FINISH), message(1), at_s=1.0, every_s=0.5)
    assert notes.of("stream_ended") == []
    streams.message()
    assert notes.facts == [
        ("stream_began", "c1", 1.0),
        *([("stream_went_on", "c1", 0.5)] * 3),
        ("stream_ended", "c1", 4, 1.5, True),
    ]


@pytest.mark.parametrize(
    "next_chunks", [({"type": "start"}, *LINES, FINISH), (*LINES, FINISH)], ids=["start", "a part that starts again"]
)
def test_an_answer_that_breaks_off_is_told_from_the_next_one(streams, notes, next_chunks):
    """The agent died in the middle: no finish, no message, and then the answer to something else."""
    play(streams, LINES, message(1))
    play(streams, next_chunks, message(2), at_s=9.0)
    streams.message()
    streams.close()
    assert [(ref, is_whole) for ref, _, _, is_whole in notes.of("stream_ended")] == [("c1", False), ("c2", True)]
    assert notes.of("stream_began") == [["c1", 1.0], ["c2", 9.0]]
    assert notes.of("missed") == [["c1", False]]


def test_the_steps_of_an_answer_may_name_their_parts_alike(streams, notes):
    """They are one answer all the same."""
    play(
        streams,
        ({"type": "start"}, *([{"type": "start-step"}, *LINES, {"type": "finish-step"}] * 2), FINISH),
        message(1),
    )
    streams.message()
    assert [(chunks, is_whole) for _, chunks, _, is_whole in notes.of("stream_ended")] == [(12, True)]


def test_several_parts_belong_to_one_answer(streams, notes):
    """Each has an id of its own."""
    reasoning = [{"type": f"reasoning-{step}", "id": "r1"} for step in ("start", "delta", "end")]
    play(streams, (*reasoning, *LINES, FINISH), message(1))
    streams.message()
    assert [chunks for _, chunks, *_ in notes.of("stream_ended")] == [7]


def test_a_finished_answer_whose_message_never_comes_is_incomplete(streams, notes):
    """The next answer shows it, or the end."""
    play(streams, (*LINES, FINISH), message(1))
    play(streams, (*LINES, FINISH), message(2))
    streams.close()
    assert [is_whole for *_, is_whole in notes.of("stream_ended")] == [False, False]
    assert notes.of("missed") == [["c1", True]]


def test_a_message_without_pieces_ends_nothing(streams, notes):
    """Such a message came over REST, for example."""
    streams.message()
    play(streams, LINES[:1])
    streams.message()
    assert notes.kinds == {"stream_began": 1}


def test_a_gap_from_a_piece_whose_arrival_nobody_knows_is_none(streams, notes):
    """Several came in one read: only the last one's moment is known."""
    streams.chunk({"chunk": LINES[0]}, [], UpperBound(1.0))
    streams.chunk({"chunk": LINES[1]}, [], 1.0)
    streams.chunk({"chunk": LINES[2]}, [], 3.0)
    assert notes.of("stream_went_on") == [[None, None], [None, 2.0]]


def test_an_answer_whose_beginning_nobody_knows_has_no_length(streams, notes):
    """All of it came in one read: 0 would be a length that no server can have."""
    for chunk in (*LINES, FINISH):
        streams.chunk({"chunk": chunk}, [], UpperBound(1.0))
    streams.message()
    assert notes.of("stream_ended") == [[None, 4, None, True]]


def test_a_piece_within_an_answer_neither_begins_nor_ends_anything():
    """So it needs none of the checks of others, and goes on with the answer before it."""
    assert not WITHIN & (ENDS | STEPS | {"start"})
    assert not [kind for kind in WITHIN if kind.endswith("-start")]
