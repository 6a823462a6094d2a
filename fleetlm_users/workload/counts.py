"""How many users each behaviour gets: exact counts, shares in proportion, contradictions refused."""

from collections.abc import Collection, Mapping
from typing import Final

from fleetlm_users.errors import UsageError
from fleetlm_users.workload.identity import VUS_PER_BLOCK

TOTAL_FLAG: Final = "-u/--vus (VUS)"
CLASSES: Final = "user classes (LOCUST_USER_CLASSES)"


def count_flag(behaviour: str) -> str:
    """Return the flag that sets one behaviour's count: `--long-lived-vus`."""
    return f"--{behaviour.replace('_', '-')}-vus"


def share(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """Return `total` shared in proportion to the weights by the largest-remainder method.

    The shares sum to `total` exactly, and each is within 1 of its exact quota; of equal remainders the one that
    stands first in `weights` wins. Raises ValueError when there is something to share and no positive weight.
    """
    weight_sum = sum(weights.values())
    if total and not weight_sum:
        raise ValueError(f"nothing to share {total} by: {dict(weights)}")
    quotas = {name: divmod(total * weight, weight_sum or 1) for name, weight in weights.items()}
    shares = {name: whole for name, (whole, _) in quotas.items()}
    # sorted is stable, so equal remainders keep the order of the weights
    by_remainder = sorted(quotas, key=lambda name: quotas[name][1], reverse=True)
    for name in by_remainder[: total - sum(shares.values())]:
        shares[name] += 1
    return shares


def settle(preset_users: Mapping[str, int], total: int | None, given: Mapping[str, int]) -> dict[str, int]:
    """Return the count of every behaviour, in the preset's order.

    Given counts are exact. The others come from the preset; with a total they share what the given ones leave of it,
    in proportion to the preset. Raises UsageError for contradictions, unknown behaviours and a run without users.
    """
    _check(preset_users, total, given)
    open_users = {name: count for name, count in preset_users.items() if name not in given}
    if total is not None:
        open_users = _share_rest(total, open_users, given)
    counts = {name: given[name] if name in given else open_users[name] for name in preset_users}
    if not any(counts.values()):
        raise UsageError(_flags(given) or TOTAL_FLAG, 0, "at least one user in all", "-u 18")
    if sum(counts.values()) > VUS_PER_BLOCK:
        accepted = f"at most {VUS_PER_BLOCK:,} users in all"
        raise UsageError(_flags(given) or TOTAL_FLAG, sum(counts.values()), accepted, "-u 1000000")
    return counts


def narrow(
    preset_users: Mapping[str, int], given: Mapping[str, int], total: int | None, chosen: Collection[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """Return preset and given counts for a run of the chosen behaviours only; the others get no user.

    Where the preset has users of none of them, a total is shared evenly. Raises UsageError for users of a behaviour
    that is not chosen, and for a chosen one that would get none.
    """
    for name, count in given.items():
        if count and name not in chosen:
            accepted = (
                f"a count of a chosen behaviour; the user classes that were named are those of {', '.join(chosen)}"
            )
            raise UsageError(count_flag(name), count, accepted, "its user class among them, or no class at all")
    users = {name: count if name in chosen else 0 for name, count in preset_users.items()}
    if total is not None and not any(users.values()):
        users = {name: int(name in chosen) for name in preset_users}
    for name in chosen:
        if not given.get(name, users[name]):
            raise UsageError(
                CLASSES, name, "a behaviour with users; the preset has none of this one", f"{count_flag(name)} 5"
            )
    return users, {**given, **{name: 0 for name in preset_users if name not in chosen}}


def _check(preset_users: Mapping[str, int], total: int | None, given: Mapping[str, int]) -> None:
    for name, count in given.items():
        if name not in preset_users:
            known = ", ".join(preset_users)
            raise UsageError(count_flag(name), name, f"a behaviour: {known}", next(iter(preset_users)))
        if count < 0:
            raise UsageError(count_flag(name), count, "a whole number, 0 or more", "5")
    if total is not None and total < 1:
        raise UsageError(TOTAL_FLAG, total, "a whole number, 1 or more", "18")


def _share_rest(total: int, open_users: Mapping[str, int], given: Mapping[str, int]) -> dict[str, int]:
    rest = total - sum(given.values())
    if rest < 0 or (rest and not any(open_users.values())):
        taken = sum(given.values())
        bound = "at least" if any(open_users.values()) else "exactly"
        example = f"-u {taken}, or one of them left out" if taken else "one of them left out"
        raise UsageError(TOTAL_FLAG, total, f"{bound} {taken}, the sum of {_flags(given)}", example)
    return share(rest, open_users)


def _flags(given: Mapping[str, int]) -> str:
    return " ".join(f"{count_flag(name)} {count}" for name, count in given.items())
