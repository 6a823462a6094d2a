"""The one line of a locustfile: joins a benchmark's behaviours to Locust and to the client's preflight."""

from collections.abc import Sequence

from fleetlm_users.client.preflight import Preflight, Targets, check
from fleetlm_users.measure.metric import Metric
from fleetlm_users.swarm.benchmark import Benchmark
from fleetlm_users.swarm.install import install as install_benchmark
from fleetlm_users.users.base import FleetUser
from fleetlm_users.workload.option_spec import OptionSpec
from fleetlm_users.workload.options import Options


def install(
    benchmark: str,
    behaviours: Sequence[type[FleetUser]],
    *,
    options: Sequence[OptionSpec] = (),
    metrics: Sequence[Metric] = (),
) -> None:
    """Makes this locustfile the benchmark of that name, with a preset of that name in presets.yaml.

    `behaviours` are its user classes, in the order of reports; `options` and `metrics` are its own beside the common
    ones. To be called once, at import.
    """
    install_benchmark(
        Benchmark(
            name=benchmark,
            behaviours={behaviour.scenario: behaviour for behaviour in behaviours},
            check=_check,
            options=tuple(options),
            metrics=tuple(metrics),
        )
    )


def _check(options: Options) -> Preflight:
    return check(Targets(options.api_url, options.ws_url, options.agent_url, options.agent_id, options.insecure))
