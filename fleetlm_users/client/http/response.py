"""One HTTP/1.1 answer as it arrives: bounded, interim answers skipped, only the fields that matter kept."""

from typing import Final

from geventhttpclient.response import HTTPParseError, HTTPResponse

from fleetlm_users.client.http.content_coding import NotDecoded, Oversize, decoded
from fleetlm_users.client.http.response_head import (
    MAX_HEAD_BYTES,
    end_of_head,
    fields_of,
    may_be_http,
    plain,
    tokens_of,
    usual_end,
)

MAX_BODY_BYTES: Final = 8 * 1024 * 1024
KEPT: Final = frozenset(("location", "content-encoding", "transfer-encoding"))
"""The fields that are needed; the parser itself handles everything else in a head."""
_MARKS: Final = tuple(b"\n" + name.encode() for name in KEPT)
SWITCHING_PROTOCOLS: Final = 101
FIRST_FINAL: Final = 200


class Response(HTTPResponse):
    """llhttp's parser, fed with normalised heads (response_head.py). `fields` are those of KEPT, by name in lower case.

    Bytes after the final answer were not asked for: they are dropped, `has_surplus` becomes true, and the connection
    must not be used again. The parser's callbacks are overridden; tests/client/test_private_parts.py names them.
    """

    def __init__(self, method: str) -> None:
        super().__init__(method)
        self.fields: dict[str, str] = {}
        self.is_complete = False
        self.has_surplus = False
        self.status = 0
        self._body = bytearray()
        self._head = b""
        self._is_in_head = True

    def receive(self, data: bytes) -> None:
        """Take the next bytes; empty bytes mean the end of the stream, which completes a body without a length.

        Raise HTTPParseError and Oversize.
        """
        if not data:
            self._feed(self._head)
            self._feed(b"")
            return
        while data and self._is_in_head and not self.is_complete:
            data = self._receive_head(data)
        if data:
            self._feed(data)
        if len(self._body) > MAX_BODY_BYTES:
            raise Oversize(f"a body of more than {MAX_BODY_BYTES} bytes")

    def body(self) -> tuple[bytes, str]:
        """Return the body without its codings, and the problem with one that cannot be read. Raise Oversize."""
        if not self.fields:
            return bytes(self._body), ""
        try:
            return decoded(bytes(self._body), self._codings(), MAX_BODY_BYTES), ""
        except NotDecoded as problem:
            return b"", str(problem)

    def raw_body(self) -> bytes:
        """Return the bytes of the body so far, unchanged."""
        return bytes(self._body)

    def can_be_followed(self) -> bool:
        """Return whether the connection may be used for another request."""
        return self.is_complete and not self.has_surplus and bool(self.should_keep_alive())

    def _codings(self) -> list[str]:
        """Return the codings in the order in which they were applied."""
        named = (self.fields.get(name, "") for name in ("content-encoding", "transfer-encoding"))
        return [coding for value in named for coding in tokens_of(value) if coding not in ("chunked", "identity")]

    def _receive_head(self, data: bytes) -> bytes:
        """Take the head out of the data and return the rest."""
        if not self._head and usual_end(data):
            self._is_in_head = False
            self._feed(data)
            return b""
        before, self._head = len(self._head), self._head + data
        end = end_of_head(self._head, before)
        if end > MAX_HEAD_BYTES or (not end and len(self._head) > MAX_HEAD_BYTES):
            raise Oversize(f"an answer head of more than {MAX_HEAD_BYTES} bytes")
        if end:
            head, rest, self._head = plain(self._head[:end]), self._head[end:], b""
            self._is_in_head = False
            self.fields = _needed_fields(head)
            self._feed(head)
            return rest
        if not may_be_http(self._head):
            self._feed(self._head)  # raises: nothing more will come
        return b""

    def _feed(self, data: bytes) -> None:
        try:
            self.feed(data)
        except HTTPParseError:
            if not self.is_complete:
                raise
            self.has_surplus = True

    def _on_message_begin(self) -> None:
        if self.is_complete:
            self.has_surplus = True
        else:
            super()._on_message_begin()

    def _on_message_complete(self) -> None:
        if self.is_complete:
            return
        super()._on_message_complete()
        status = self.get_code()
        if status >= FIRST_FINAL or status == SWITCHING_PROTOCOLS:
            self.is_complete, self.status = True, status
        else:
            self._is_in_head = True  # RFC 9110 §15.2: an interim answer, before the final one

    def _on_body(self, buf: bytearray) -> None:
        if not self.has_surplus:
            self._body += buf

    def _on_header_field(self, string: str) -> None:
        pass  # read from the head itself if it has one of KEPT: an answer has seven fields, two calls for each

    def _on_header_value(self, string: str) -> None:
        pass


def _needed_fields(head: bytes) -> dict[str, str]:
    small = head.lower()
    for mark in _MARKS:
        if mark in small:
            return {name: value for name, value in fields_of(head).items() if name in KEPT}
    return {}
