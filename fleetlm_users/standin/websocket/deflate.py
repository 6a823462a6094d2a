"""permessage-deflate (RFC 7692) as Bandit accepts it: every text frame is compressed for clients that offer it."""

import zlib
from typing import Final

EXTENSION: Final = "permessage-deflate"
TAIL: Final = b"\x00\x00\xff\xff"  # removed from the end of a compressed message (RFC 7692 §7.2.1)
MIN_BITS, MAX_BITS = 9, 15  # zlib cannot make raw streams with a window of 8 bits
WINDOW_BITS = tuple(str(bits) for bits in range(MIN_BITS, MAX_BITS + 1))


class DeflateProblem(Exception):
    """The client's compressed data is broken or grows beyond the limit."""


class Deflate:
    """The two zlib streams of one connection. `answer` is the response header."""

    __slots__ = ("_deflater", "_inflater", "_keep_in", "_keep_out", "_out_bits", "answer")

    def __init__(self, answer: str, *, keep_in: bool, keep_out: bool, out_bits: int) -> None:
        self.answer = answer
        self._keep_in = keep_in
        self._keep_out = keep_out
        self._out_bits = out_bits
        self._inflater = zlib.decompressobj(wbits=-MAX_BITS)
        self._deflater = zlib.compressobj(wbits=-out_bits)

    def compress(self, payload: bytes) -> bytes:
        """Return one message's payload, compressed."""
        data = self._deflater.compress(payload) + self._deflater.flush(zlib.Z_SYNC_FLUSH)
        if not self._keep_out:
            self._deflater = zlib.compressobj(wbits=-self._out_bits)
        return data.removesuffix(TAIL)

    def decompress(self, payload: bytes, max_bytes: int) -> bytes:
        """Return one message's payload. Raises DeflateProblem if it is broken or longer than `max_bytes`."""
        try:
            data = self._inflater.decompress(payload + TAIL, max_bytes)
        except zlib.error as problem:
            raise DeflateProblem(str(problem)) from problem
        if self._inflater.unconsumed_tail:
            raise DeflateProblem(f"a message of more than {max_bytes} bytes")
        if not self._keep_in:
            self._inflater = zlib.decompressobj(wbits=-MAX_BITS)
        return data


def negotiate(header: str | None) -> Deflate | None:
    """Return the first usable offer in a `Sec-WebSocket-Extensions` header, or None."""
    for offer in (header or "").split(","):
        name, *parameters = (part.strip() for part in offer.split(";"))
        if name == EXTENSION:
            deflate = _accept(dict(_pair(parameter) for parameter in parameters))
            if deflate is not None:
                return deflate
    return None


def _pair(parameter: str) -> tuple[str, str | None]:
    name, _, value = parameter.partition("=")
    return name.strip(), value.strip().strip('"') if value else None


def _accept(offered: dict[str, str | None]) -> Deflate | None:
    answer = [EXTENSION]
    out_bits = MAX_BITS
    for name, value in offered.items():
        if name in ("server_no_context_takeover", "client_no_context_takeover"):
            answer.append(name)
        elif name == "client_max_window_bits":
            answer.append(f"{name}={value or MAX_BITS}")
        elif name == "server_max_window_bits" and value in WINDOW_BITS:
            out_bits = int(value or 0)
            answer.append(f"{name}={out_bits}")
        else:
            return None
    keep_in = "client_no_context_takeover" not in offered
    return Deflate(
        ";".join(answer), keep_in=keep_in, keep_out="server_no_context_takeover" not in offered, out_bits=out_bits
    )
