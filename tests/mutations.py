"""Sound data made unsound in one or two places, the same way for the same seed."""

import random

from hypothesis import settings

ODD = (
    None, True, False, -1, 0, 1, 3, 5_000_000, 2**53 + 1, 2**63, -(2**63), 10**40, 0.5, -0.5, 1e308, 1e-320,
    float("nan"), float("inf"), float("-inf"), "", "x" * 3000, "main", "\x1b[2J", "\u202e", "<b>", "10",
    "p(95)<500", b"", b"garbage", [], {}, [[]], [None], [[1, 2, 3]], {"a": 1}, {1: 2}, [0] * 10, [{}] * 3,
)  # fmt: skip


def seeds(count):
    """Return this many seeds in `make coverage`, and the first three of ten elsewhere, like examples of a property
    (tests/conftest.py).
    """
    return range(count * settings.default.max_examples // 100)


def mutated(value, seed):
    """A copy of a tree of lists and dicts with one to three places changed, taken away, doubled or cut."""
    rng = random.Random(seed)
    copied = [_copy(value)]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        holder, key = _place(copied, rng)
        _change(holder, key, rng)
    return copied[0] if copied else None


def cut(text, seed):
    """A text or bytes with a piece taken out, put in, doubled or changed."""
    rng = random.Random(seed)
    first, last = sorted(rng.randrange(len(text) + 1) for _ in range(2))
    junk = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 9)))
    if isinstance(text, str):
        junk = junk.decode("latin-1")
    piece = rng.choice((text[:0], junk, text[first:last] * 2, junk * 50))
    return text[:first] + piece + text[last:]


def _copy(tree):
    """Copy only lists and dicts, at a tenth of the cost of `copy.deepcopy`."""
    if isinstance(tree, dict):
        return {key: _copy(part) for key, part in tree.items()}
    return [_copy(part) for part in tree] if isinstance(tree, list) else tree


def _place(tree, rng):
    """A list or dict of the tree and one of its keys, the deep ones as likely as the others."""
    holder, key = tree, 0
    while isinstance(holder[key], list | dict) and holder[key] and rng.random() < 0.85:
        holder = holder[key]
        key = rng.randrange(len(holder)) if isinstance(holder, list) else rng.choice(list(holder))
    return holder, key


def _change(holder, key, rng):
    what = rng.random()
    if what < 0.1 and len(holder) > 1:
        del holder[key]
    elif what < 0.2 and isinstance(holder, list):
        holder.insert(key, _copy(holder[key]))
    elif what < 0.3 and isinstance(holder[key], bytes | str) and holder[key]:
        holder[key] = cut(holder[key], rng.random())
    elif what < 0.4 and type(holder[key]) in (int, float):
        holder[key] = holder[key] * rng.choice((-1, 0, 10, 1000, 10**9)) + rng.choice((0, 1, 0.5))
    else:
        holder[key] = _copy(rng.choice(ODD))
