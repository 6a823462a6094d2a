"""The metrics of sessions that arrive at a rate: each is a visit by a user who lives one journey and leaves."""

from typing import Final

from fleetlm_users.measure.metrics.metric import counter, gauge, trend

VISITS: Final = (
    counter("visits_due", "sessions that were due to arrive at `--session-rate`"),
    counter("visits_begun", "of those, the ones whose user began", evidence="visits_due"),
    counter(
        "visits_dropped",
        "of those, the ones that never began, through the generator's fault: no_user (all of `--max-users` were in a"
        " session), late (due before the run ended, but not begun by then)",
        evidence="visits_due",
        is_trouble=True,
    ),
    counter("visits_ended", "visits that came to their own end, whole or broken, by the moment of their end"),
    counter("visits_unfinished", "visits that the end of the run cut short"),
    counter("visit_unfinished_ms", "milliseconds that unfinished visits had lasted when the run ended"),
    counter(
        "visit_carried_ms",
        "milliseconds that visits still going on had lasted when the warm-up ended",
    ),
    trend("visit_lateness_ms", "session due → its user begins: the generator's own fault"),
    trend(
        "visit_creation_ms",
        "session due → 201 body of POST /api/sessions parsed",
        service="session_creation_ms",
    ),
    trend("visit_time_ms", "user begins → user is gone: the time in the system, by the moment of its end"),
    gauge("visits_present", "users in a session now, and the highest number"),
    counter("visit_presence_ms", "milliseconds that all users together were in a session"),
)
"""Every due visit begins or is dropped, and every begun visit ends or is unfinished (visits/visit_accounting.py)."""
