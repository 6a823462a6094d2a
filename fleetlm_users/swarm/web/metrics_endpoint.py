"""The run's numbers for Prometheus: a page of the web UI, and with `--metrics-port` a separate server."""

import logging
from argparse import Namespace
from collections.abc import Callable, Iterable

from flask import request
from gevent.pywsgi import WSGIServer
from locust.web import WebUI
from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from werkzeug.wrappers import Response

from fleetlm_users import __version__
from fleetlm_users.errors import UsageError
from fleetlm_users.measure.report.prometheus import families
from fleetlm_users.measure.report.run_status import RunStatus
from fleetlm_users.swarm.coordinator.run_view import RunSource, RunView
from fleetlm_users.swarm.host.startup_error import StartupError
from fleetlm_users.swarm.runtime.health import yield_to_loop
from fleetlm_users.swarm.web.access import GuardedApp, rules_of
from fleetlm_users.workload.options.resolution import common_value

logger = logging.getLogger(__name__)

METRICS_PATH = "/fleetlm/metrics"
MAX_PORT = 65_535


class RunCollector(Collector):
    """The collector that reads the run on each scrape; nothing is kept between scrapes."""

    def __init__(self, source: RunSource, *, is_search: bool) -> None:
        self._source = source
        self._is_search = is_search

    def collect(self) -> Iterable[Metric]:
        """Return the current metric families."""
        self._source.refresh()
        view = self._source.view()
        status = None if view is None else status_of(view, is_search=self._is_search)
        return families(status, __version__, yield_to_loop)


def status_of(view: RunView, *, is_search: bool) -> RunStatus:
    """Return the current state of the run; without thresholds during a search, which judges its steps one by one."""
    totals, result = view.totals(yield_to_loop), view.result
    judgements = () if is_search and result is None else view.judgements(totals)
    return RunStatus(
        run_id=view.options.run_id,
        benchmark=view.options.benchmark,
        preset=view.options.plan.preset,
        totals=totals,
        workers=view.merge.workers,
        judgements=tuple(judgements),
        elapsed_s=view.elapsed_s,
        planned_s=view.planned_s,
        users=view.users,
        verdict="" if result is None else result.verdict.kind,
    )


def add_metrics_page(web_ui: WebUI, base_path: str, collector: RunCollector) -> None:
    """Add /fleetlm/metrics to the web UI, below `base_path` and behind the login like all its pages."""
    if web_ui.app is None:
        return
    answer = _app(collector)

    def page() -> Response:
        return Response.from_app(answer, request.environ)

    web_ui.app.add_url_rule(f"{base_path}{METRICS_PATH}", "fleetlm_metrics", web_ui.auth_required_if_enabled(page))


def serve_metrics(parsed: Namespace, collector: RunCollector) -> WSGIServer | None:
    """Start the server of `--metrics-port`, which serves the same numbers on any path; return None if not requested.

    Raises:
        StartupError: It cannot listen.
    """
    host, port = (common_value(vars(parsed), name) for name in ("metrics_host", "metrics_port"))
    if port is None:
        return None
    guarded = GuardedApp(_app(collector), rules_of(parsed, host), lambda _path: True)
    server = WSGIServer((host, port), guarded, log=None, error_log=logger)
    try:
        server.start()
    except (OSError, OverflowError) as problem:
        accepted = f"a free port of {host}, at most {MAX_PORT} ({problem})"
        usage = UsageError("--metrics-port (METRICS_PORT)", port, accepted, "9646")
        raise StartupError.of_usage(usage) from problem
    return server


def _app(collector: RunCollector) -> Callable[..., Iterable[bytes]]:
    registry = CollectorRegistry()
    registry.register(collector)
    return make_wsgi_app(registry)
