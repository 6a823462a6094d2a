"""The command line of the stand-in: one frozen object, every default named once."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, get_args

from fleetlm_users.errors import UsageError
from fleetlm_users.quoting import quote
from fleetlm_users.standin.agent.lanes import NODE, NONE, ORDERS, SESSION
from fleetlm_users.standin.chat.hub import ProtocolName
from fleetlm_users.standin.chat.session_store import Caps
from fleetlm_users.standin.faults.faults import HELP, TYPES, Faults, changed
from fleetlm_users.standin.storage.storage_options import (
    FLUSH_MS,
    FLUSH_US_PER_MESSAGE,
    LATE_FLUSH_MS,
    OptionsClash,
    StorageOptions,
    storage_of,
)
from fleetlm_users.standin.websocket.connection import SocketLimits

FLUSH_HELP: Final = (
    "flush the messages this often; what is not flushed is lost with the process; "
    f"0: at once; {FLUSH_MS:g} where another option needs it, {LATE_FLUSH_MS:g} in the late protocol or with "
    "--storage-groups"
)
HOST: Final = "127.0.0.1"
PORT: Final = 4000
ORIGIN_HOST: Final = "localhost"
MAX_BODY_BYTES: Final = 8_000_000  # Plug.Parsers' default
MAX_CONNECTIONS: Final = 20_000
MAX_PENDING_WEBHOOKS: Final = 100_000
WEBHOOK_CONNECTIONS: Final = 100

LIKE: Final[Mapping[str, Mapping[str, Any]]] = {
    "early": {"quirks": True, "webhook_order": NODE, "webhook_service_ms": 2.5, "flush_us_per_message": 40.0},
    "late": {
        "protocol": "late",
        "quirks": True,
        "webhook_order": SESSION,
        "storage_groups": 256,
        "append_rate_limit": 1_200.0,
    },
}
"""The options that `--like` sets, as measured on the real servers of these commits under load (docs/stand-in.md)."""


@dataclass(frozen=True, slots=True)
class StandinOptions:
    """Everything that can be chosen at the start."""

    host: str = HOST
    port: int = PORT
    protocol: ProtocolName = "early"
    builtin_agent: bool = False
    quirks: bool = False
    exit_with_parent: bool = False
    origin_host: str = ORIGIN_HOST
    max_body_bytes: int = MAX_BODY_BYTES
    max_connections: int = MAX_CONNECTIONS
    max_pending_webhooks: int = MAX_PENDING_WEBHOOKS
    webhook_connections: int = WEBHOOK_CONNECTIONS
    webhook_order: str | None = None
    like: str | None = None
    inbox_stops: bool = False
    storage: StorageOptions = field(default_factory=StorageOptions)
    limits: SocketLimits = field(default_factory=SocketLimits)
    caps: Caps = field(default_factory=Caps)
    faults: Faults = field(default_factory=Faults)

    @property
    def order(self) -> str:
        """The order of webhooks, one of ORDERS."""
        if self.webhook_order is None and self.quirks:
            return SESSION if self.protocol == "late" else NODE
        return self.webhook_order or NONE


def parse(arguments: Sequence[str]) -> StandinOptions:
    """Return the options in `arguments` (without the program's name); a bad one ends the process with code 2."""
    return options_from(build_parser(), arguments)


def options_from(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> StandinOptions:
    """Return the options in `arguments`; `--like` sets defaults, and options given besides it take precedence."""
    like = parser.parse_args(arguments).like
    if like is not None:
        parser.set_defaults(**LIKE[like])
    given = vars(parser.parse_args(arguments))
    try:
        is_late = given["protocol"] == "late"
        storage = storage_of(given, has_quirks=given["quirks"] and not is_late, is_late=is_late)
    except OptionsClash as problem:
        parser.error(str(problem))
    groups: dict[str, Any] = {
        "limits": SocketLimits(**_taken(given, "max_frame_bytes", "max_unsent_bytes", idle_s="idle_timeout_s")),
        "caps": Caps(**_taken(given, "max_sessions", "max_messages_per_session", "max_stored_bytes")),
        "storage": storage,
        "faults": changed(Faults(), {name: given.pop(name) for name in TYPES}),
    }
    return StandinOptions(**groups, **given)


def _taken(given: dict[str, Any], *names: str, **renamed: str) -> dict[str, Any]:
    return {name: given.pop(name) for name in names} | {name: given.pop(flag) for name, flag in renamed.items()}


def build_parser(parser_class: type[argparse.ArgumentParser] = argparse.ArgumentParser) -> argparse.ArgumentParser:
    """Return the parser, an object of `parser_class`; its fault flags are generated from the faults themselves."""
    parser = parser_class(
        prog="fleetlm-standin",
        description="An in-memory FleetLM for tests: REST and WebSocket on one port.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    _add_server(parser)
    _add_twin(parser.add_argument_group("twin of a recorded server"))
    _add_storage(parser.add_argument_group("storage"))
    _add_caps(parser.add_argument_group("limits (beyond them, requests are refused or the oldest data is forgotten)"))
    faults = parser.add_argument_group("faults (also changeable by POST /standin/faults)")
    for name, kind in TYPES.items():
        flag = "--" + name.replace("_", "-")
        if kind is bool:
            faults.add_argument(flag, action="store_true", help=HELP[name])
        else:
            number = whole(flag, 0, 10**12) if kind is int else positive(flag)
            faults.add_argument(flag, type=number, default=getattr(Faults(), name), metavar="N", help=HELP[name])
    return parser


def _add_server(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--host", default=HOST, help="address to listen on")
    add("--port", type=whole("--port", 0, 65535, "4000"), default=PORT, help="port to listen on, 0 for a free one")
    add("--protocol", choices=get_args(ProtocolName), default="early", help="FleetLM's chat protocol to speak")
    add("--builtin-agent", action="store_true", help="echo in process instead of calling the agents' webhooks")
    add(
        "--quirks",
        action="store_true",
        help="imitate FleetLM's defects too (500 on the messages list, lost replay, ...)",
    )
    add("--exit-with-parent", action="store_true", help="end when standard input ends: the parent holds a pipe")
    add("--origin-host", default=ORIGIN_HOST, help="the only host that an Origin header may name (PHX_HOST), or 'any'")
    add(
        "--idle-timeout-s",
        type=positive("--idle-timeout-s"),
        default=SocketLimits().idle_s,
        help="silence that ends a socket, 0 for never",
    )
    add(
        "--webhook-connections",
        type=whole("--webhook-connections", 1, 10_000),
        default=WEBHOOK_CONNECTIONS,
        help="webhooks to the agents in parallel",
    )


def _add_twin(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--like",
        choices=tuple(LIKE),
        help="behave like FleetLM at 13a5558 (early) or 0b7208e (late); other options given take precedence",
    )
    group.add_argument(
        "--webhook-order",
        choices=ORDERS,
        help="webhooks in progress: one on the node, one per session, or any number; "
        "`none`, with --quirks `node`, unless given",
    )
    group.add_argument(
        "--inbox-stops",
        action="store_true",
        help="an inbox stops pushing after its first second without a message, as with --quirks",
    )


def _add_storage(group: argparse._ArgumentGroup) -> None:
    add = group.add_argument
    add("--flush-ms", type=positive("--flush-ms"), metavar="N", help=FLUSH_HELP)
    add("--flush-as-recorded", action="store_true", help="without --flush-ms, flush as often as the recorded server")
    add(
        "--lose-during-flush",
        action="store_true",
        help="lose what is appended while a flush runs, as with --quirks",
    )
    add(
        "--flush-us-per-message",
        type=positive("--flush-us-per-message"),
        default=FLUSH_US_PER_MESSAGE,
        metavar="N",
        help="how much each message prolongs a flush, during which messages are lost",
    )
    add(
        "--storage-groups",
        type=whole("--storage-groups", 0, 10**6, "256"),
        default=0,
        metavar="N",
        help="sessions share this many groups, and those of one group overwrite each other by seq (0: none do)",
    )
    add("--storage-file", type=Path, metavar="FILE", help="keep flushed messages in this file, and start from it")
    add(
        "--journal",
        type=Path,
        metavar="FILE",
        help="log acknowledged messages in this file, so that the next start knows what a kill lost",
    )
    add("--database", metavar="ADDRESS", help="also write each flush into this PostgreSQL; also from STANDIN_DATABASE")
    add("--database-file", type=Path, metavar="FILE", help="a file with the address of the database")


def _add_caps(group: argparse._ArgumentGroup) -> None:
    defaults = {
        "max-sessions": (Caps().max_sessions, "sessions kept"),
        "max-messages-per-session": (Caps().max_messages_per_session, "messages kept per session"),
        "max-stored-bytes": (Caps().max_stored_bytes, "memory for all messages"),
        "max-connections": (MAX_CONNECTIONS, "open WebSockets"),
        "max-body-bytes": (MAX_BODY_BYTES, "length of a request body"),
        "max-frame-bytes": (SocketLimits().max_frame_bytes, "length of a WebSocket message"),
        "max-unsent-bytes": (SocketLimits().max_unsent_bytes, "unsent bytes of one slow reader, which is then dropped"),
        "max-pending-webhooks": (MAX_PENDING_WEBHOOKS, "user messages waiting for their webhook"),
    }
    for name, (default, text) in defaults.items():
        group.add_argument(f"--{name}", type=whole(f"--{name}", 1, 10**12), default=default, metavar="N", help=text)


def whole(flag: str, least: int, most: int, example: str = "100") -> Callable[[str], int]:
    """Return an argparse type for whole numbers in a range."""

    def convert(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(_bad(flag, text, f"a whole number from {least} to {most}", example))
        return value

    return convert


def positive(flag: str) -> Callable[[str], float]:
    """Return an argparse type for numbers of 0 or more."""

    def convert(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not 0 <= value < float("inf"):
            raise argparse.ArgumentTypeError(_bad(flag, text, "a number of 0 or more", "50"))
        return value

    return convert


def _bad(flag: str, text: str, accepted: str, example: str) -> str:
    problem = UsageError(flag, text, accepted, example)
    return f"invalid value {quote(text)}: {problem.expectation}"  # argparse puts the flag before it
