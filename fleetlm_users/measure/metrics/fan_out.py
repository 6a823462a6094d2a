"""The metrics of a crowd: how soon, and whether, each message reaches every device of its session."""

from typing import Final

from fleetlm_users.measure.metrics.metric import Metric, counter, trend

FIRST: Final = "the first listener has it"
HALF: Final = "half of the listeners have it"
ALL_OF_THEM: Final = "every listener has it; not recorded for a message that one of them missed"

FAN_OUT: Final[tuple[Metric, ...]] = (
    trend("fan_out_first_ms", f"message due → {FIRST}", service="fan_out_first_service_ms"),
    trend("fan_out_first_service_ms", f"message sent → {FIRST}"),
    trend("fan_out_median_ms", f"message due → {HALF}", service="fan_out_median_service_ms"),
    trend("fan_out_median_service_ms", f"message sent → {HALF}"),
    trend("fan_out_last_ms", f"message due → {ALL_OF_THEM}", service="fan_out_last_service_ms"),
    trend("fan_out_last_service_ms", f"message sent → {ALL_OF_THEM}"),
    trend("fan_out_spread_ms", "the first listener has a message or an answer → every listener has it"),
    counter("fan_outs_whole", "messages and answers that reached every listener"),
    counter(
        "fan_outs_missed",
        "messages and answers that a listener missed",
        evidence="deliveries_expected",
        is_trouble=True,
    ),
    counter(
        "fan_outs_open", "messages and answers that could still have reached every listener when the session ended"
    ),
    counter("deliveries_expected", "messages and answers × the listeners that each was to reach"),
    counter("deliveries_seen", "of those, the ones that came within the reply timeout", evidence="deliveries_expected"),
    counter(
        "deliveries_missed",
        "of those, the ones that did not come in time, or whose listener was lost before, by cause",
        evidence="deliveries_expected",
        is_trouble=True,
    ),
    counter(
        "deliveries_open",
        "of those, the ones that could still have come when the session ended",
        evidence="deliveries_expected",
    ),
    counter(
        "deliveries_repeated",
        "pushes of a message that the listener already has, as the late protocol sends each twice",
        evidence="deliveries_expected",
    ),
    counter(
        "deliveries_duplicated",
        "pushes of a message that the listener already has, beyond what the protocol is known to repeat, by listener",
        evidence="deliveries_expected",
        is_trouble=True,
    ),
    counter(
        "deliveries_out_of_order",
        "first pushes of a message to a listener that already has a higher `seq`, by listener",
        evidence="deliveries_expected",
    ),
    counter(
        "deliveries_unexpected",
        "pushes of a message that the listener does not await: late, unknown, after_end or malformed",
        evidence="deliveries_expected",
        is_trouble=True,
    ),
    counter("chunks_delivered", "`stream_chunk` pushes read by listeners"),
)
"""In the order of reports. They cover a crowd's listeners only; its first device is counted as in every session."""
