import importlib.util
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

PROGRAM = Path(__file__).resolve().parents[1] / "echo_agent.py"


def load_program() -> Any:
    """The file of this tree, by its path: an installed package may hold an older copy of the same name."""
    spec = importlib.util.spec_from_file_location("echo_agent_under_test", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


echo_agent = load_program()
CLIENT = echo_agent.create_app(echo_agent.Options()).test_client()


def message(seq: int = 1, sender_id: str = "u1", **fields: Any) -> dict[str, Any]:
    content = {"client_ref": f"r{seq}", "text": f"hi {seq}"}
    return {
        "content": content,
        "inserted_at": "2026-11-23T20:17:39",
        "kind": "text",
        "sender_id": sender_id,
        "seq": seq,
    } | fields


def webhook(*messages: Any, **fields: Any) -> dict[str, Any]:
    history = list(messages) or [message()]
    return {
        "agent_id": "bench-echo-agent",
        "messages": history,
        "session_id": "01M850X7",
        "user_id": "u1",
    } | fields


def without(record: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in record.items() if key != name}


def nested(levels: int) -> Any:
    return json.loads("[" * levels + "]" * levels)


def post(body: Any, content_type: str | None = "application/json", client: Any = CLIENT) -> Any:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post("/webhook", data=data, content_type=content_type)


def lines_of(body: bytes) -> list[dict[str, Any]]:
    assert body.endswith(b"\n")
    return [json.loads(line) for line in body[:-1].split(b"\n")]


# The echo


def test_echo_of_a_recorded_webhook() -> None:
    """The body FleetLM was recorded to send is answered with the line it was recorded to accept."""
    body = (
        b'{"agent_id":"rec-webhook","messages":[{"content":{"client_ref":"r0","text":"hi 0"},"inserted_at":'
        b'"2026-11-23T20:17:39","kind":"text","sender_id":"u1","seq":1}],"session_id":"01M850X776Y2","user_id":"u1"}'
    )
    answer = post(body)
    assert (answer.status_code, answer.content_type) == (200, "application/x-ndjson")
    assert answer.data == (
        b'{"kind":"text","content":{"text":"Echo: hi 0","client_ref":"r0"},'
        b'"metadata":{"echoed_seq":1,"session_id":"01M850X776Y2","user_id":"u1"}}\n'
    )


@pytest.mark.parametrize(
    ("history", "echoed_seq"),
    [
        pytest.param([message(1), message(2, "bench"), message(3)], 3, id="in order"),
        pytest.param([message(1), message(3), message(2)], 3, id="out of order"),
        pytest.param([message(7), message(8, "bench"), message(9, "stranger")], 7, id="others came after"),
        pytest.param([message(1), message(2), message(3, "bench"), message(4, "bench")], 2, id="two sends in flight"),
    ],
)
def test_the_newest_user_message_is_answered(history: list[Any], echoed_seq: int) -> None:
    """The message of user_id with the highest seq is echoed, wherever it stands."""
    (line,) = lines_of(post(webhook(*history)).data)
    assert line["metadata"]["echoed_seq"] == echoed_seq
    assert line["content"] == {"text": f"Echo: hi {echoed_seq}", "client_ref": f"r{echoed_seq}"}


@pytest.mark.parametrize(
    ("content", "echo"),
    [
        ({"text": ""}, {"text": "Echo: "}),
        ({"text": "é\n☃"}, {"text": "Echo: é\n☃"}),
        ({}, {"text": "Echo: {}"}),
        ({"name": "f", "n": [1, 2]}, {"text": 'Echo: {"name":"f","n":[1,2]}'}),
        ({"text": 5, "client_ref": "r"}, {"text": 'Echo: {"text":5,"client_ref":"r"}', "client_ref": "r"}),
        ({"text": "t", "client_ref": None}, {"text": "Echo: t", "client_ref": None}),
        ({"text": "t", "client_ref": {"a": [1]}}, {"text": "Echo: t", "client_ref": {"a": [1]}}),
    ],
)
def test_content_of_the_echo(content: dict[str, Any], echo: dict[str, Any]) -> None:
    """Text is prefixed, a content without text is echoed as compact JSON, client_ref is kept as it came."""
    (line,) = lines_of(post(webhook(message(content=content))).data)
    assert line["content"] == echo


def test_replies() -> None:
    """--replies N gives N lines, each ended by a newline."""
    client = echo_agent.create_app(echo_agent.Options(replies=3)).test_client()
    lines = lines_of(post(webhook(), client=client).data)
    assert len(lines) == 3
    assert lines[0] == lines[1] == lines[2]


def test_delay_is_drawn_around_its_middle() -> None:
    """The delay stays within ± jitter, and is never negative."""
    options = echo_agent.Options(delay_ms=100, delay_jitter_ms=30)
    assert all(0.07 <= echo_agent.draw_delay_s(options) <= 0.13 for _ in range(200))
    wide = [echo_agent.draw_delay_s(echo_agent.Options(delay_ms=1, delay_jitter_ms=1000)) for _ in range(200)]
    assert min(wide) == 0.0
    assert max(wide) <= 1.001


# Refusals

BAD_BODIES = [
    b"",
    b"{",
    b"null",
    b"[]",
    b'"x"',
    b"\xff\xfe{}",
    b'{"agent_id":"\xc3("}',
    b'{"user_id":"\\ud800"}',
    b"[" * 100_000,
    json.dumps(webhook(message(seq=float("nan")))).encode(),
    json.dumps(webhook(message(content={"n": float("inf")}))).encode(),
    webhook(messages=[]),
    webhook(message(sender_id="stranger")),
    webhook(message(), "junk"),
    webhook(message(content={"x": nested(300)})),
    webhook(message(content={"text": "t", "client_ref": nested(900)})),
    *(without(webhook(), name) for name in webhook()),
    *(webhook(**{name: wrong}) for name in webhook() for wrong in (None, 1, True, {}, [None], nested(50))),
    *(webhook(without(message(), name)) for name in message()),
    *(webhook(message(), message(**{name: wrong})) for name in message() for wrong in (None, 1.5, True, [], nested(9))),
    *(webhook(message(seq=seq)) for seq in (0, -1, 1.0, 2**64, 10**30, "1", {})),
]


@pytest.mark.parametrize("body", BAD_BODIES)
def test_bad_bodies_are_a_400_with_a_json_error(body: Any) -> None:
    """Malformed JSON, missing fields and wrong types get a 400 that says what is wrong."""
    answer = post(body)
    assert answer.status_code == 400
    assert answer.content_type == "application/json"
    assert list(answer.json) == ["error"]
    assert answer.json["error"]


@pytest.mark.parametrize(("body", "told"), [(webhook(user_id=5), "user_id"), (webhook(message(), 5), "messages[1]")])
def test_errors_name_the_field(body: Any, told: str) -> None:
    """The error text names the field that is wrong."""
    assert told in post(body).json["error"]


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/x-www-form-urlencoded", ";;", "é"])
def test_wrong_content_type(content_type: str | None) -> None:
    """Only application/json is read."""
    answer = post(webhook(), content_type)
    assert (answer.status_code, list(answer.json)) == (415, ["error"])


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_content_type_with_parameters(content_type: str) -> None:
    """Parameters and case of the content type do not matter."""
    assert post(webhook(), content_type).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", "/webhook/", 404),
        ("GET", "/a//b", 404),
        ("GET", "/%ff%00", 404),
        ("GET", "/webhook", 405),
        ("POST", "/health", 405),
        ("OPTIONS", "/webhook", 405),
        ("BREW", "/webhook", 405),
    ],
)
def test_unknown_routes_and_methods(method: str, path: str, status: int) -> None:
    """Unknown routes and wrong methods get a JSON error, and a 405 says what is allowed."""
    answer = CLIENT.open(path, method=method)
    assert (answer.status_code, list(answer.json)) == (status, ["error"])
    assert ("Allow" in answer.headers) == (status == 405)


def test_health() -> None:
    """GET /health names the agent."""
    answer = CLIENT.get("/health")
    assert (answer.status_code, answer.json) == (200, {"status": "ok", "agent": "bench-echo-agent"})
    assert CLIENT.head("/health").data == b""


def check_answer(body: bytes) -> None:
    answer = post(body)
    if answer.status_code == 200:
        assert all(line["kind"] == "text" and line["content"]["text"] for line in lines_of(answer.data))
    else:
        assert answer.status_code == 400
        assert list(answer.json) == ["error"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)
SENDERS = st.sampled_from(["u1", "bench-echo-agent"])
MESSAGES = st.builds(
    message, st.integers(1, 9), SENDERS, content=st.dictionaries(st.sampled_from(["text", "client_ref"]), JSON_VALUES)
)


@given(st.binary(max_size=300))
def test_any_bytes_are_answered(body: bytes) -> None:
    """No body at all makes a 500."""
    check_answer(body)


@given(JSON_VALUES)
def test_any_json_is_answered(value: Any) -> None:
    """No JSON value at all makes a 500."""
    check_answer(json.dumps(value).encode())


@given(st.data())
def test_any_field_may_be_anything(data: st.DataObject) -> None:
    """A webhook with any value in any one field, or a field less, is answered or refused, never a 500."""
    body = webhook(*data.draw(st.lists(MESSAGES, min_size=1, max_size=3)))
    for record in (body, body["messages"][-1]):
        name = data.draw(st.none() | st.sampled_from(sorted(record)))
        if name is not None:
            record[name] = data.draw(JSON_VALUES)
    check_answer(json.dumps(body).encode())


# The answer of a streaming agent


def client_of(**options: Any) -> Any:
    return echo_agent.create_app(echo_agent.Options(**options)).test_client()


def types_of(body: bytes) -> list[str]:
    return [line.get("type", "a whole message") for line in lines_of(body)]


UI = ["text-start", "text-delta", "text-end", "finish"]


@pytest.mark.parametrize(
    ("chosen", "body", "expected"),
    [
        ("auto", webhook(), ["a whole message"]),
        ("auto", webhook(context={"strategy": "last_n"}), UI),
        ("ui", webhook(), UI),
        ("lines", webhook(context={}), ["a whole message"]),
    ],
)
def test_the_answer_is_of_the_form_that_fleetlm_wants(chosen: str, body: Any, expected: list[str]) -> None:
    """A FleetLM whose webhooks have a `context` expects UI-message chunks; --format overrides that."""
    assert types_of(post(body, client=client_of(format=chosen)).data) == expected


@pytest.mark.parametrize(("chunks", "deltas"), [(1, 1), (3, 3), (1_000, len("Echo: hi 1"))])
def test_a_text_comes_in_so_many_pieces(chunks: int, deltas: int) -> None:
    """None of them is empty; together they are the text."""
    lines = lines_of(post(webhook(context={}), client=client_of(chunks=chunks)).data)
    texts = [line["delta"] for line in lines if line["type"] == "text-delta"]
    assert len(texts) == deltas
    assert "".join(texts) == "Echo: hi 1"


def test_several_streaming_replies() -> None:
    """One after the other, each with its end."""
    assert types_of(post(webhook(context={}), client=client_of(replies=2)).data) == UI * 2


@given(st.text(max_size=50), st.integers(1, 60))
def test_any_text_survives_its_pieces(text: str, chunks: int) -> None:
    """Characters and length do not matter."""
    body = webhook(message(content={"text": text}))
    lines = [json.loads(line) for line in echo_agent.ui_chunks(body, chunks)]
    assert "".join(line.get("delta", "") for line in lines) == f"Echo: {text}"
    assert sum(line["type"] == "text-delta" for line in lines) <= chunks


# The options


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        ([], {}, {}),
        ([], {"PORT": "5000", "HOST": "0.0.0.0"}, {"port": 5000, "host": "0.0.0.0"}),
        ([], {"PORT": ""}, {}),
        ([], {"PORT": " '5000'\r", "HOST": '"localhost" '}, {"port": 5000, "host": "localhost"}),
        ([], {"HOST": "x86_64-conda-linux-gnu"}, {}),
        (["--host", "agent.local"], {"HOST": "x86_64-conda-linux-gnu"}, {"host": "agent.local"}),
        (["--port", "1", "--host=::1"], {"PORT": "5000"}, {"port": 1, "host": "::1"}),
        (["--port=1"], {"PORT": "junk"}, {"port": 1}),
        ([], {"DELAY_MS": "250", "DELAY_JITTER_MS": "0.5"}, {"delay_ms": 250, "delay_jitter_ms": 0.5}),
        ([], {"REPLIES": "3"}, {"replies": 3}),
        (["--delay-ms=1e3", "--delay-jitter-ms", "0", "--replies", "100"], {}, {"delay_ms": 1000, "replies": 100}),
        (["--exit-with-parent"], {}, {"exit_with_parent": True}),
    ],
)
def test_options(arguments: list[str], environment: dict[str, str], expected: dict[str, Any]) -> None:
    """A flag beats the environment, which beats the default; an empty variable counts as not set."""
    assert echo_agent.parse_options(arguments, environment) == echo_agent.Options(**expected)


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        ([], {"HOST": "x86_64-conda-linux-gnu"}, ["HOST='x86_64-conda-linux-gnu' is not an address", "ignored"]),
        ([], {"PORT": "8080", "HOST": "0.0.0.0"}, ["--host is '0.0.0.0' by the variable HOST", "--port is '8080'"]),
        (["--port=1"], {"PORT": "8080"}, []),
        ([], {}, []),
    ],
)
def test_what_the_environment_does_to_the_agents_address_is_reported(
    arguments: list[str], environment: dict[str, str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """HOST and PORT are set by conda, shells and platforms too: nobody should have to look for a moved agent."""
    echo_agent.parse_options(arguments, environment)
    told = capsys.readouterr().err
    assert all(word in told for word in words)
    assert bool(told) == bool(words)


@pytest.mark.parametrize(
    ("flag", "value"),
    [
        *(("port", value) for value in ("x", "-1", "65536", "1.5", "", " ", "9" * 5000)),
        *(("host", value) for value in ("a b", "http://x")),
        *(("delay-ms", value) for value in ("nan", "inf", "-1", "600001", "1s")),
        *(("delay-jitter-ms", value) for value in ("-0.1", "x")),
        *(("replies", value) for value in ("0", "101", "1.0")),
    ],
)
def test_bad_values(flag: str, value: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad value is refused, by flag or variable, with the value (its beginning), the accepted form and an example."""
    variable = flag.replace("-", "_").upper()
    for arguments, environment in (([f"--{flag}={value}"], {}), ([], {variable: value})):
        if environment and (not value.strip() or variable == "HOST"):
            continue  # it says nothing, or is another program's
        with pytest.raises(SystemExit, match=r"^2$"):
            echo_agent.parse_options(arguments, environment)
        text = capsys.readouterr().err
        assert text.count("\n") == 1
        assert repr(value[:200]) in text
        assert "expected " in text
        (example,) = re.findall(rf"(--{flag}=\S+),", text)
        echo_agent.parse_options([example], {})
