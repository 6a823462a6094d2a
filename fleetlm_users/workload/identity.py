"""Names and numbers that must be unique, or the same everywhere: runs, virtual users, participants, seeds."""

import random
import re
from datetime import datetime
from typing import Final

from fleetlm_users.errors import UsageError

VUS_PER_BLOCK: Final = 10_000_000  # more users than any run has, so that numbers of blocks never meet

_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")  # also names of folders: not `.`, not `..`, none hidden


def new_run_id(now: datetime, rng: random.Random) -> str:
    """Return a short id such as `r1124-2135-7f3a`: month and day, hour and minute, 16 random bits.

    It sorts by time within a year and needs no escaping in URLs and file names. Pass `random.SystemRandom()`: two
    runs of one minute must differ even with the same `--seed`.
    """
    return f"r{now:%m%d-%H%M}-{rng.getrandbits(16):04x}"


def check_name(text: str, what: str, example: str) -> str:
    """Return the text if it is 1–64 letters, digits, dots, underscores or hyphens; else raise UsageError.

    It may not begin with a dot.
    """
    if not _NAME.fullmatch(text):
        accepted = "1 to 64 letters, digits, dots, underscores or hyphens, not beginning with a dot"
        raise UsageError(what, text, accepted, example)
    return text


def check_run_id(text: str, what: str = "--run-id (RUN_ID)") -> str:
    """Return the run id if it is url-safe and at most 64 characters; else raise UsageError."""
    return check_name(text, what, "r1124-2135-7f3a")


def participant(prefix: str, run_id: str, n: int) -> str:
    """Return the participant id of the n-th virtual user: `<prefix>-<run_id>-<n>`."""
    return f"{prefix}-{run_id}-{n}"


def vu_number(block: int, k: int) -> int:
    """Return the k-th number (k from 1) of a block: block 0 is the plan's; each worker has one of the others.

    Raises ValueError for a negative block or a k out of range: the number could belong to another user.
    """
    if block < 0 or not 1 <= k <= VUS_PER_BLOCK:
        raise ValueError(f"no number for user {k} of block {block}")
    return block * VUS_PER_BLOCK + k


def rng_for(seed: int, scenario: str, vu: int) -> random.Random:
    """Return the generator of one virtual user: same seed, scenario and number, same draws in every process.

    A text seed is hashed with SHA-512 by `random.seed` (version 2), not with Python's per-process string hash.
    """
    return random.Random(f"{seed}:{scenario}:{vu}")
