"""The tab "FleetLM" on Locust's own page, and the state that this page gets at the end of a run.

Locust's page can show a table in a tab of ours, filled from extra entries of `/stats/requests`. It requests that every
two seconds, but only while it believes that the test is running, and gets an answer up to two seconds old. So it would
miss the last figures. Here the state stays `running` until there is a verdict, and the first answer after it bypasses
Locust's cache, so the page's last request shows the final figures.
"""

from typing import Any, Final

from flask import request
from flask.wrappers import Response
from locust.env import Environment
from locust.runners import STATE_CLEANUP, STATE_RUNNING, STATE_STOPPED, STATE_STOPPING
from locust.web import WebUI

from fleetlm_users.measure import formatting
from fleetlm_users.swarm.locust_internals import INDEX_ENDPOINT, STATS_ENDPOINT, forget_cached_stats
from fleetlm_users.swarm.web.live_page import LivePage

KEY: Final = "fleetlm"
COLUMNS: Final = ("FleetLM", "value", "count", "per second", "p50", "p95", "p99", "max")
SCRIPTS: Final = (
    b'<script src="./fleetlm/static/bar.js" defer></script><script src="./fleetlm/static/start_form.js" defer></script>'
)

Json = dict[str, Any]


def add_tab(web_ui: WebUI, environment: Environment, live: LivePage) -> None:
    """Add the tab, and the bar with the links to our pages, to Locust's page. Call it in `init`."""
    if web_ui.app is None:
        return
    structure = [{"key": f"c{number}", "title": title} for number, title in enumerate(COLUMNS)]
    web_ui.template_args |= {
        "extended_tabs": [{"title": "FleetLM", "key": KEY}],
        "extended_tables": [{"key": KEY, "structure": structure}],
        "extended_csv_files": [{"href": "./fleetlm", "title": "FleetLM: live charts, report and result files"}],
    }
    tab = _Tab(web_ui, environment, live)
    web_ui.app.before_request(tab.before_request)
    web_ui.app.after_request(tab.after_request)


class _Tab:
    def __init__(self, web_ui: WebUI, environment: Environment, live: LivePage) -> None:
        self._web_ui = web_ui
        self._environment = environment
        self._live = live
        self._seen = ("", "")

    def before_request(self) -> None:
        """Clear Locust's cache for the first answer after each change of the run's state."""
        if request.endpoint != STATS_ENDPOINT or self._web_ui.app is None:
            return
        document = self._live.figures()
        seen = (document["key"], document["state"])
        if seen != self._seen:
            self._seen = seen
            forget_cached_stats(self._web_ui.app)

    def after_request(self, response: Response) -> Response:
        """Add our part to Locust's answers; any other answer, such as a redirect to the login, stays as it is."""
        if response.status_code != 200:
            return response
        if request.endpoint == STATS_ENDPOINT and response.is_json:
            self._fill(response)
        elif request.endpoint == INDEX_ENDPOINT and not response.direct_passthrough:
            response.set_data(response.get_data().replace(b"</body>", SCRIPTS + b"</body>"))
        return response

    def _fill(self, response: Response) -> None:
        document = self._live.figures()
        stats: Json = response.get_json()
        stats["extended_stats"] = [{"key": KEY, "data": tab_rows(document)}]
        runner = self._environment.runner
        if runner is not None:
            stats["state"] = state_for_page(str(runner.state), str(document["state"]))
        response.set_data(self._web_ui.app.json.dumps(stats))  # type: ignore[union-attr]  # it answers, so it is there


def state_for_page(of_locust: str, of_run: str) -> str:
    """Return the state that makes Locust's page keep asking until the final figures are available."""
    is_over = of_locust in (STATE_STOPPED, STATE_STOPPING, STATE_CLEANUP)
    if is_over and (of_run in ("running", "ending") or of_locust != STATE_STOPPED):
        return STATE_RUNNING
    return of_locust


def tab_rows(document: Json) -> list[Json]:
    """Return the rows of the tab: verdict and thresholds, then durations, rates, messages, counters, workers."""
    if document["state"] == "ready":
        return [_row("no run yet")]
    return [
        *_head_rows(document),
        *(
            _row(f"{each['mark']} {each['expression']}", each["value"], each["samples"])
            for each in document["thresholds"]
        ),
        *_storm_rows(document["storm"]),
        *(_trend_row(each) for each in document["trends"]),
        *(_row(each["name"], each["shown"], each["total"]) for each in document["rates"]),
        *(_accounting_row(accounting) for accounting in document["accountings"]),
        *(
            _waiting_row(_WAITING[queue], each)
            for queue, each in document["waiting"].items()
            if _SENT_BY[queue] in document["sends"]
        ),
        *(_row(each["name"], "", each["count"], formatting.per_s(each["per_s"])) for each in document["counters"]),
        *(_worker_row(each) for each in document["workers"]),
    ]


def _row(*cells: Any) -> Json:
    """Return a row. No cell is called `name`: Locust's page would sort the rows by it."""
    filled = [formatting.count(cell) if isinstance(cell, int) else cell for cell in cells]
    return {f"c{number}": cell for number, cell in enumerate(filled + [""] * (len(COLUMNS) - len(filled)))}


def _head_rows(document: Json) -> list[Json]:
    run, verdict = document["run"], document["verdict"]
    if verdict is None:
        return [_row(f"{document['state']}: run {run['run_id']}", formatting.duration(run["elapsed_s"]))]
    reasons = [_row(f"{sign} {text}") for sign, key in (("✗", "failures"), ("?", "doubts")) for text in verdict[key]]
    report = [_row("report", document["files"][0]["href"])] if document["files"] else []
    return [_row(f"verdict of run {run['run_id']}", verdict["kind"].upper()), *reasons, *report]


def _storm_rows(storm: Json | None) -> list[Json]:
    if storm is None:
        return []
    return [_row(f"storm: {each['name'].lower()}", f"{each['figure']}, {each['more']}") for each in storm["tiles"]]


def _trend_row(trend: Json) -> Json:
    percentiles = (formatting.ms(trend[name]) for name in ("med", "p95", "p99", "max"))
    return _row(trend["name"], "ms", trend["count"], "", *percentiles)


_WAITING: Final = {
    "append": "messages waiting: append",
    "agent": "messages waiting: agent",
    "push": "pushes waiting for their reply",
    "event": "due events that have not come",
}
_SENT_BY: Final = {"append": "messages", "agent": "messages", "push": "pushes", "event": "pushes"}


def _waiting_row(what: str, waiting: Json) -> Json:
    now, peak = (formatting.count(waiting[name]) for name in ("now", "peak"))
    return _row(what, f"{now}, {peak} at most")


def _accounting_row(accounting: Json) -> Json:
    fates = ", ".join(
        f"{formatting.count(n)} {fate}" for fate, n in zip(accounting["head"], accounting["counts"], strict=True) if n
    )
    return _row(accounting["title"], f"{'✓' if accounting['adds_up'] else '✗'} {fates}")


def _worker_row(worker: Json) -> Json:
    health = (
        f"CPU {_percent(worker['cpu_percent'])}, at most {_percent(worker['cpu_peak_percent'])}",
        f"memory {formatting.bytes_(worker['rss_bytes'])}",
        f"late p99 {formatting.ms_with_unit(worker['lateness_p99_ms'])}",
        f"loop lag p99 {formatting.ms_with_unit(worker['loop_lag_p99_ms'])}",
    )
    return _row(f"worker {worker['worker']}", ", ".join(health))


def _percent(value: float | None) -> str:
    return formatting.NOTHING if value is None else f"{value:.0f} %"
