"""Deliberate misbehaviour: the faults available, and their effect on each send and each message. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, NamedTuple

from fleetlm_users.errors import UsageError

RUN_OF: Final = {
    bool: ("true or false", "true"),
    int: ("a whole number of 0 or more (0 is off)", "10"),
    float: ("a number of 0 or more", "50"),
}


@dataclass(frozen=True, slots=True)
class Faults:
    """Every fault; by default all are off. `*_every` N affects each N-th, counted from when the faults were last
    set.
    """

    broadcast_delay_ms: float = 0.0
    stall_ms: float = 0.0
    stall_at_s: float = 0.0
    no_broadcast: bool = False
    refuse_joins: bool = False
    unavailable: bool = False
    no_agent: bool = False
    backpressure_every: int = 0
    reject_every: int = 0
    disconnect_every: int = 0
    lose_every: int = 0
    double_every: int = 0
    reorder_every: int = 0
    garbage_every: int = 0
    lose_replay_every: int = 0
    change_every: int = 0
    alter_every: int = 0
    session_limit: int = 0
    webhook_service_ms: float = 0.0
    append_rate_limit: float = 0.0
    timeout_every: int = 0
    append_twice_every: int = 0


HELP: Final = {
    "broadcast_delay_ms": "push each message this much later",
    "stall_ms": "block the whole server once for this long",
    "stall_at_s": "when to stall, after the start (or after the POST that sets it)",
    "no_broadcast": "append messages but push none",
    "refuse_joins": "answer every join of a session with status error",
    "unavailable": "answer 503 to REST and to the WebSocket upgrade",
    "no_agent": "never ask an agent",
    "backpressure_every": "answer each N-th send with a backpressure push instead of appending it",
    "reject_every": "answer each N-th send with phx_reply status error",
    "disconnect_every": "close the socket with 1011 on each N-th send, which is not appended",
    "lose_every": "append each N-th message but do not push it",
    "double_every": "push each N-th message twice",
    "reorder_every": "push each N-th message after the next one of its session (or after 1 s)",
    "garbage_every": "push a text frame that is not JSON after each N-th message",
    "lose_replay_every": "push each N-th message but never store it",
    "change_every": "push each N-th message as it is, but store it with another text",
    "alter_every": "push each N-th message with another text, but store it as it is",
    "session_limit": "answer 503 to the creation of sessions beyond this many (0: no limit)",
    "webhook_service_ms": "time that each webhook takes, in the order of --webhook-order",
    "timeout_every": "late protocol: answer each N-th send with error timeout, append it, but do not push it",
    "append_twice_every": "append each N-th message of a user a second time, under a seq of its own",
    "append_rate_limit": "append this many messages a second from sockets at most; others wait, and are pushed late",
}
TYPES: Final[Mapping[str, type]] = {item.name: type(item.default) for item in fields(Faults)}


def value_of(name: str, value: object) -> bool | int | float:
    """Return `value` checked for the fault `name`.

    Raises UsageError for an unknown name or a value of the wrong type.
    """
    wanted = TYPES.get(name)
    if wanted is None:
        raise UsageError("fault", name, "one of " + ", ".join(TYPES), "broadcast_delay_ms")
    allowed = {bool: (bool,), int: (int,), float: (int, float)}[wanted]
    if type(value) in allowed and value >= 0 and value < float("inf"):  # type: ignore[operator]  # the types above compare
        return wanted(value)  # type: ignore[no-any-return]  # bool, int or float by TYPES
    raise UsageError(name, value, *RUN_OF[wanted])


def changed(faults: Faults, changes: Mapping[str, object]) -> Faults:
    """Return `faults` with `changes`.

    Raises UsageError as `value_of` does; in that case nothing changes.
    """
    return replace(faults, **{name: value_of(name, value) for name, value in changes.items()})  # type: ignore[arg-type]  # checked by value_of


class PushFate(NamedTuple):
    """The fate of one appended message."""

    copies: int = 1
    hold: bool = False
    garbage: bool = False
    is_altered: bool = False


class FaultState:
    """The faults in force and the counts behind `*_every`. `quiet`: nothing touches sends, storage or pushes."""

    __slots__ = ("_appended", "_confirmed", "_kept", "_messages", "_sends", "_stored", "faults", "quiet")

    def __init__(self, faults: Faults) -> None:
        self.set(faults)

    def set(self, faults: Faults) -> None:
        """Put `faults` in force; all counting starts again at 1."""
        self.faults = faults
        self._sends = self._messages = self._stored = self._kept = self._confirmed = self._appended = 0
        harmless = (
            "stall_ms",
            "stall_at_s",
            "refuse_joins",
            "unavailable",
            "no_agent",
            "session_limit",
            "webhook_service_ms",
        )
        self.quiet = not any(getattr(faults, name) for name in TYPES if name not in harmless)

    def on_send(self) -> str | None:
        """Return `disconnect`, `reject` or `backpressure` for the next send, or None if it is to be appended."""
        self._sends += 1
        faults = self.faults
        if hit(self._sends, faults.disconnect_every):
            return "disconnect"
        if hit(self._sends, faults.reject_every):
            return "reject"
        return "backpressure" if hit(self._sends, faults.backpressure_every) else None

    def confirms(self) -> bool:
        """Return whether the next send of the late protocol is confirmed in time."""
        self._confirmed += 1
        return not hit(self._confirmed, self.faults.timeout_every)

    def stores(self) -> bool:
        """Return whether the next message is stored for replay."""
        self._stored += 1
        return not hit(self._stored, self.faults.lose_replay_every)

    def changes(self) -> bool:
        """Return whether the next stored message is stored with a different text."""
        self._kept += 1
        return hit(self._kept, self.faults.change_every)

    def repeats(self) -> bool:
        """Return whether the next message of a user is appended a second time."""
        self._appended += 1
        return hit(self._appended, self.faults.append_twice_every)

    def on_message(self) -> PushFate:
        """Return the fate of the next message's push."""
        self._messages += 1
        faults, number = self.faults, self._messages
        if faults.no_broadcast or hit(number, faults.lose_every):
            return PushFate(copies=0)
        copies = 2 if hit(number, faults.double_every) else 1
        return PushFate(
            copies,
            hit(number, faults.reorder_every),
            hit(number, faults.garbage_every),
            hit(number, faults.alter_every),
        )


def hit(number: int, every: int) -> bool:
    """Return whether `number` is a multiple of `every`; `every` 0 is off."""
    return every > 0 and number % every == 0


def as_json(faults: Faults) -> dict[str, Any]:
    """Return the faults by name."""
    return {item.name: getattr(faults, item.name) for item in fields(faults)}
