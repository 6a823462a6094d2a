"""Locust's own options: each either works with our plan and verdict, or is refused with the alternative.

Locust is not imported: a test compares the list with Locust's parser and names each option that a newer Locust adds.
"""

from typing import Final, Literal

import msgspec

Effect = Literal[
    "works",
    "refused",  # by us, before anything starts
    "gone",  # Locust itself refuses it
]


class LocustOption(msgspec.Struct, frozen=True):
    """An option of Locust. `note` says what it does here, or for a refused one why, and what to use instead.

    `flags` are as Locust has them, the last one is the name; without any it is a variable only. `dest` is its name
    among the parsed options.
    """

    flags: tuple[str, ...]
    env: str
    dest: str
    effect: Effect
    note: str

    @property
    def refusal(self) -> str:
        """The error message for a refused option."""
        names = [*self.flags[-1:], *([self.env] if self.env else [])]
        return f"{names[0]}{f' ({names[1]})' if names[1:] else ''} does not work here: {self.note}"


def _works(flags: str, env: str, dest: str, note: str) -> LocustOption:
    return LocustOption(tuple(flags.split()), env, dest, "works", note)


def _refused(flags: str, env: str, dest: str, note: str) -> LocustOption:
    return LocustOption(tuple(flags.split()), env, dest, "refused", note)


def _gone(flags: str, env: str, dest: str, note: str) -> LocustOption:
    return LocustOption(tuple(flags.split()), env, dest, "gone", note)


_LOAD: Final = (
    _works(
        "-f --locustfile",
        "LOCUST_LOCUSTFILE",
        "locustfile",
        "one benchmark; a LoadTestShape or listeners may stand in further files, `-f mixed.py,shape.py`",
    ),
    _works("--config", "", "config", "one more configuration file; beats the others"),
    _works("-H --host", "LOCUST_HOST", "host", "sets `--api-url` and `--ws-url` where these are unset"),
    _works(
        "-u --users", "LOCUST_USERS", "num_users", "the same as `--vus`, and beats it; refused with a LoadTestShape"
    ),
    _works(
        "-r --spawn-rate",
        "LOCUST_SPAWN_RATE",
        "spawn_rate",
        "another way to say `--ramp-up`; one of the two; refused with a LoadTestShape",
    ),
    _works(
        "-t --run-time",
        "LOCUST_RUN_TIME",
        "run_time",
        "the same as `--duration`, and beats it; 0 until stopped; refused with a LoadTestShape",
    ),
    _works(
        "UserClass",
        "LOCUST_USER_CLASSES",
        "user_classes",
        "the plan is of these classes only, each with its users of the preset; `-u` is shared; the master's count",
    ),
    _refused(
        "--config-users",
        "LOCUST_CONFIG_USERS",
        "config_users",
        "the plan sets the users of each class: use the counts, such as --burst-vus 7",
    ),
    _refused(
        "--equal-weights",
        "",
        "equal_weights",
        "the plan sets the users of each class: use the counts, such as --burst-vus 7",
    ),
    _refused(
        "-T --tags",
        "LOCUST_TAGS",
        "tags",
        "behaviours have no tags: name user classes, such as BurstUser, or use the counts, such as --burst-vus 7",
    ),
    _refused(
        "-E --exclude-tags",
        "LOCUST_EXCLUDE_TAGS",
        "exclude_tags",
        "behaviours have no tags: name user classes, such as BurstUser, or use the counts, such as --burst-vus 0",
    ),
)

_END: Final = (
    _refused(
        "-s --stop-timeout",
        "LOCUST_STOP_TIMEOUT",
        "stop_timeout",
        "users leave when their messages are settled: use --drain-timeout",
    ),
    _refused(
        "--exit-code-on-error",
        "LOCUST_EXIT_CODE_ON_ERROR",
        "exit_code_on_error",
        "the exit code is the verdict's, and failed requests are judged by thresholds: "
        'use --threshold "message_success_rate: rate>0.95"',
    ),
    _refused(
        "--reset-stats",
        "LOCUST_RESET_STATS",
        "reset_stats",
        "it would empty Locust's table only: use --warm-up, which keeps the samples of the start apart",
    ),
    _works("--autostart", "LOCUST_AUTOSTART", "autostart", "the run begins at once, with the web UI"),
    _works(
        "--autoquit",
        "LOCUST_AUTOQUIT",
        "autoquit",
        "ends the process this many seconds after the run; with `--autostart`",
    ),
    _works("--headless", "LOCUST_HEADLESS", "headless", "a run without the web UI; the exit code is the verdict's"),
    _works("--headful", "LOCUST_HEADFUL", "headful", "undoes `headless` in a file"),
)

_WEB: Final = (
    _works(
        "--web-host", "LOCUST_WEB_HOST", "web_host", "here the default is 127.0.0.1; see [security.md](security.md)"
    ),
    _works("-P --web-port", "LOCUST_WEB_PORT", "web_port", "as in Locust"),
    _works("--web-host-display-name", "LOCUST_WEB_HOST_DISPLAY_NAME", "web_host_display_name", "as in Locust"),
    _works("--web-base-path", "LOCUST_WEB_BASE_PATH", "web_base_path", "our pages are below it too"),
    _works("--web-login", "LOCUST_WEB_LOGIN", "web_login", "our pages and the form ask for it too"),
    _works("--tls-cert", "LOCUST_TLS_CERT", "tls_cert", "as in Locust"),
    _works("--tls-key", "LOCUST_TLS_KEY", "tls_key", "as in Locust"),
    _works(
        "--class-picker",
        "LOCUST_USERCLASS_PICKER",
        "class_picker",
        "only the classes that are ticked run, each with its users of the preset",
    ),
    _works("--build-path", "LOCUST_BUILD_PATH", "build_path", "as in Locust: for work on Locust's own page"),
    _gone("--web-auth", "LOCUST_WEB_AUTH", "web_auth", "Locust refuses it: use `--web-login`"),
    _gone("--legacy-ui", "LOCUST_LEGACY_UI", "legacy_ui", "Locust refuses it"),
)

_DISTRIBUTED: Final = (
    _works("--master", "LOCUST_MODE_MASTER", "master", "see [distributed.md](distributed.md)"),
    _works("--master-bind-host", "LOCUST_MASTER_BIND_HOST", "master_bind_host", "here the default is 127.0.0.1"),
    _works("--master-bind-port", "LOCUST_MASTER_BIND_PORT", "master_bind_port", "as in Locust"),
    _works("--expect-workers", "LOCUST_EXPECT_WORKERS", "expect_workers", "only workers that run the same code count"),
    _works(
        "--expect-workers-max-wait",
        "LOCUST_EXPECT_WORKERS_MAX_WAIT",
        "expect_workers_max_wait",
        "after it the master gives up: exit code 1, nothing was measured",
    ),
    _works("--enable-rebalancing", "", "enable_rebalancing", "replaces the users of a lost worker"),
    _works(
        "--worker",
        "LOCUST_MODE_WORKER",
        "worker",
        "the master's plan and options apply; with `-f -` its locustfile too",
    ),
    _works("--processes", "LOCUST_PROCESSES", "processes", "a master and that many workers here; -1 for one per core"),
    _works("--master-host", "LOCUST_MASTER_NODE_HOST", "master_host", "as in Locust"),
    _works("--master-port", "LOCUST_MASTER_NODE_PORT", "master_port", "as in Locust"),
    _gone("--expect-slaves", "", "expect_slaves", "Locust refuses it: use `--expect-workers`"),
    _gone("--slave", "", "slave", "Locust refuses it: use `--worker`"),
)

_OUTPUT: Final = (
    _works("--csv", "LOCUST_CSV", "csv_prefix", "Locust's own table; ours is in the results folder"),
    _works("--csv-full-history", "LOCUST_CSV_FULL_HISTORY", "stats_history_enabled", "with `--csv`"),
    _works(
        "--print-stats", "LOCUST_PRINT_STATS", "print_stats", "Locust's table every two seconds, with our live line"
    ),
    _works("--only-summary", "LOCUST_ONLY_SUMMARY", "only_summary", "here it is the default"),
    _works("--html", "LOCUST_HTML", "html_file", "Locust's own report; `{u}`, `{r}` and `{t}` are those of the plan"),
    _works("--json", "", "json", "Locust's table on stdout; our report then goes to stderr"),
    _works("--json-file", "", "json_file", "Locust's table in a file, to whose name Locust adds `.json`"),
    _works(
        "--skip-log-setup",
        "LOCUST_SKIP_LOG_SETUP",
        "skip_log_setup",
        "as in Locust; our report is still printed",
    ),
    _works("-L --loglevel", "LOCUST_LOGLEVEL", "loglevel", "as in Locust; `--debug` writes frames at INFO"),
    _works("--logfile", "LOCUST_LOGFILE", "logfile", "as in Locust; our report stays on stdout"),
    _refused(
        "--show-task-ratio",
        "",
        "show_task_ratio",
        "weights decide nothing here: `fleetlm-bench list presets` shows the users of each plan",
    ),
    _refused(
        "--show-task-ratio-json",
        "",
        "show_task_ratio_json",
        "weights decide nothing here: `fleetlm-bench list presets --json` shows the users of each plan",
    ),
    _works("--profile", "", "profile", "a name that Locust's own reports carry"),
    _works("--otel", "LOCUST_ENABLE_OPENTELEMETRY", "otel", "see [monitoring.md](monitoring.md)"),
    _works("-l --list", "", "list_commands", "the user classes of the locustfile"),
    _works("-h --help", "", "help", "Locust's options and ours"),
    _works("-V --version", "", "version", "Locust's version; `fleetlm-bench --version` prints ours"),
)

_VARIABLES: Final = (
    _refused("", "LOCUST_SKIP_MONKEY_PATCH", "", "the load runs on gevent's patched modules: unset it"),
    _works("", "LOCUST_SKIP_URLLIB3_PATCH", "", "the load does not go through urllib3"),
    _works("", "LOCUST_PLAYWRIGHT", "", "for Locust's Playwright users; no behaviour is one"),
    _works("", "LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP", "", "as in Locust; the drain does not depend on it"),
    _works("", "LOCUST_WORKER_ADDITIONAL_WAIT_BEFORE_READY_AFTER_STOP", "", "as in Locust"),
)

GROUPS: Final[dict[str, tuple[LocustOption, ...]]] = {
    "Load": _LOAD,
    "Beginning and end": _END,
    "Web UI": _WEB,
    "Several processes": _DISTRIBUTED,
    "Output": _OUTPUT,
    "Variables without a flag": _VARIABLES,
}
LOCUST_OPTIONS: Final = tuple(option for group in GROUPS.values() for option in group)
