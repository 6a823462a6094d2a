"""Install all of a run's pages: those in Locust's web UI, and the port for Prometheus.

Nothing else imports the rest of this package, so a headless run does not load it.
"""

from argparse import Namespace

from locust.env import Environment
from locust.web import WebUI

from fleetlm_users.swarm.coordinator.coordinator import Coordinator
from fleetlm_users.swarm.web.access import guard_access, rules_of
from fleetlm_users.swarm.web.control import RunControl
from fleetlm_users.swarm.web.live_page import LivePage
from fleetlm_users.swarm.web.locust_tab import add_tab
from fleetlm_users.swarm.web.metrics_endpoint import METRICS_PATH, RunCollector, add_metrics_page, serve_metrics
from fleetlm_users.swarm.web.port import try_web_port
from fleetlm_users.swarm.web.routes import register_routes
from fleetlm_users.swarm.web.start_guard import guard_start


def put_pages(
    parsed: Namespace, environment: Environment, coordinator: Coordinator, web_ui: WebUI | None, *, is_search: bool
) -> None:
    """Add our pages to the web UI, if there is one, and listen on `--metrics-port`, if one is given.

    Args:
        parsed: The command line.
        environment: Locust's.
        coordinator: The coordinator whose runs the pages show.
        web_ui: Locust's web UI; None for a headless run.
        is_search: Whether the runs are searches for a capacity.

    Raises:
        StartupError: A port is not free.
    """
    collector = RunCollector(coordinator, is_search=is_search)
    if web_ui is not None:
        try_web_port(parsed)
        guard_access(web_ui, rules_of(parsed, web_ui.host), f"{parsed.web_base_path}{METRICS_PATH}")
        guard_start(web_ui, environment, coordinator)
        live = LivePage(coordinator, is_search=is_search)
        live.watch()
        register_routes(web_ui, parsed.web_base_path, live, RunControl(environment, coordinator))
        add_tab(web_ui, environment, live)
        add_metrics_page(web_ui, parsed.web_base_path, collector)
    serve_metrics(parsed, collector)
