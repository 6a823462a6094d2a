"""The load generator's own metrics."""

from typing import Final

from fleetlm_users.measure.metrics.metric import counter, gauge, trend

GENERATOR: Final = (
    trend("generator_lateness_ms", "message due → sent: the generator's own fault"),
    trend("event_loop_lag_ms", "how late a 100 ms timer fires"),
    trend("name_lookup_ms", "a session or connection begins to wait for the look-up of a host's name → it is there"),
    gauge("worker_cpu_percent", "CPU of one worker process, 100 is one core", unit="%", per_worker=True),
    gauge("worker_rss_bytes", "resident memory of one worker process", unit="bytes", per_worker=True),
    counter("worker_cpu_samples", "CPU readings taken after warm-up"),
    counter("worker_cpu_starved", "CPU readings above the limit of one core", evidence="worker_cpu_samples"),
)
