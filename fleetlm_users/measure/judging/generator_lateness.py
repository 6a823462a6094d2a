"""Thresholds missed only because the generator sent late: the instrument's fault, not the server's.

A latency counted from the due moment includes the generator's lateness; the service time, counted from sending, does
not. If the generator was beyond its limits and the service time keeps the same bound, the miss says nothing about the
server, and the threshold is undecided. If the service time misses it too, it is missed, however late the generator was.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

from msgspec import structs

from fleetlm_users.measure import formatting
from fleetlm_users.measure.judging.thresholds import Judgement, judge
from fleetlm_users.measure.totals import Totals


def excuse_lateness(judgements: Iterable[Judgement], totals: Totals, is_late: Callable[[], bool]) -> list[Judgement]:
    """Return the judgements of `totals`, marking as `late` those that only the generator's lateness explains.

    `is_late` says whether the generator was beyond its limits; it may be expensive, and is only called if it matters.
    """
    judged = list(judgements)
    kept = {number: twin for number, missed in enumerate(judged) if (twin := _kept_from_sent(missed, totals))}
    if kept and is_late():
        for number, twin in kept.items():
            problem = (
                f"only {formatting.measured(twin.measured, twin.threshold.unit)} from sent: the generator was late"
            )
            judged[number] = structs.replace(judged[number], late=True, problem=problem)
    return judged


def _kept_from_sent(missed: Judgement, totals: Totals) -> Judgement | None:
    """Return the same bound on the service time; None if that misses it too, or if there is no service time."""
    if missed.threshold.is_of_server:
        return None
    if missed.threshold.window_s is not None:
        return None if missed.ok or missed.from_sent is None else structs.replace(missed, measured=missed.from_sent)
    service = totals.catalogue[missed.threshold.metric].service
    if service is None or missed.ok or missed.too_few or missed.measured is None:
        return None
    twin = judge([replace(missed.threshold, metric=service, shown=service)], totals, 0.0)[0]
    return twin if twin.ok and not twin.too_few else None
