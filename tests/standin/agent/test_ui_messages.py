"""An agent's answer in the late protocol, chunk by chunk."""

import pytest

from fleetlm_users.standin.agent.jsonl import BadLine
from fleetlm_users.standin.agent.ui_messages import Assembler, echo_chunks, parse_chunk


def assembled(*chunks):
    assembler = Assembler(lambda: "made")
    return [message for chunk in chunks if (message := assembler.feed(chunk)) is not None]


def test_the_four_lines_of_the_echo_agent_make_one_message():
    """The record shows it."""
    (message,) = assembled(*echo_chunks("ack"))
    parts = [{"state": "done", "text": "ack", "type": "text"}]
    assert message.content == {"id": "made", "parts": parts, "role": "assistant"}
    assert message.metadata == {"_finish_chunk": {"type": "finish"}, "termination": "finish"}


@pytest.mark.parametrize("end", ["finish", "abort"])
def test_both_ends_store_what_has_come(end):
    """The message says which it was; its id and metadata are the agent's own where it names them."""
    start = {"type": "start", "messageId": "m7", "messageMetadata": {"model": "x"}}
    (message,) = assembled(start, *echo_chunks("a")[:3], {"type": end})
    assert message.content["id"] == "m7"
    assert message.metadata == {"model": "x", "_finish_chunk": {"type": end}, "termination": end}


def test_an_answer_may_hold_several_messages_and_parts():
    """After an end the next one begins from nothing."""
    reasoning = [{"type": f"reasoning-{step}", "id": "r", "delta": "hm"} for step in ("start", "delta", "end")]
    first, second = assembled(*reasoning, *echo_chunks("a"), *echo_chunks("b"))
    assert [part["text"] for part in first.content["parts"]] == ["hm", "a"]
    assert [part["text"] for part in second.content["parts"]] == ["b"]


@pytest.mark.parametrize(
    "chunk", [{"type": "tool-input-start"}, {"type": "text-delta", "id": "unknown"}, {"type": 5}, {"type": "data-x"}]
)
def test_other_chunks_change_nothing(chunk):
    """FleetLM forwards them, and makes nothing of them."""
    (message,) = assembled(chunk, *echo_chunks("a"))
    assert len(message.content["parts"]) == 1


def test_without_an_end_there_is_no_message():
    """Its chunks were pushed all the same."""
    assert assembled(*echo_chunks("a")[:3]) == []


@pytest.mark.parametrize("line", [b"nonsense", b"[1]", b"5", b"data: {}"])
def test_a_line_that_is_no_object_ends_the_answer(line):
    """Server-Sent Events are an example."""
    with pytest.raises(BadLine):
        parse_chunk(line)
