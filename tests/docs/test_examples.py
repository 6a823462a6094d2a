"""Files that the documentation shows are files that work."""

from locust.argument_parser import get_parser

from fleetlm_users.swarm.options.locust_plan import asked_of
from fleetlm_users.swarm.options.parser import options_of, register
from tests.docs.commands import benchmark_of, options_for
from tests.docs.pages import page


def test_the_pages_locust_conf_is_read(tmp_path):
    """Every line is known and has the stated effect."""
    conf = page("docs/presets-and-thresholds.md").save(tmp_path)["locust.conf"]
    benchmark = benchmark_of("locustfiles/mixed.py")
    parser = get_parser(default_config_files=[str(conf)])
    register(parser, benchmark)
    parsed = parser.parse_args([])
    options = options_of(parsed, benchmark, parsed.host, asked_of(parsed))
    assert parsed.headless
    assert parsed.locustfile == "locustfiles/mixed.py"
    assert options.plan.preset == "standard"
    assert options.api_url == "https://fleetlm.example.org/api"
    assert options.ws_url == "wss://fleetlm.example.org/socket/websocket"
    assert options.given_thresholds == ("append_latency_ms: p(95)<500",)


def test_the_pages_presets_file_is_laid_over_the_packaged_one(tmp_path):
    """The preset of the example exists, light still does, and its options hold unless a flag beats them."""
    presets = str(page("docs/presets-and-thresholds.md").save(tmp_path)["my-presets.yaml"])
    benchmark = benchmark_of("locustfiles/mixed.py")
    evening = options_for(benchmark, ["--presets-file", presets, "--preset", "evening"])[1]
    assert dict(evening.plan.users) == {"long_lived": 40, "burst": 2, "churn": 6, "inbox_watcher": 0}
    assert (evening.message_bytes, evening.reply_timeout_s) == (400, 15)
    flags = ["--presets-file", presets, "--preset", "evening", "--message-bytes", "10"]
    assert options_for(benchmark, flags)[1].message_bytes == 10
    assert options_for(benchmark, ["--presets-file", presets])[1].plan.preset == "light"


def test_u_scales_a_preset_and_a_shorter_run_shortens_its_warm_up():
    """The page says so."""
    benchmark = benchmark_of("locustfiles/mixed.py")
    plan = options_for(benchmark, ["-u", "36", "-t", "60"])[1].plan
    assert {name: count for name, count in plan.users.items() if count} == {"long_lived": 20, "burst": 10, "churn": 6}
    assert (plan.duration_s, plan.warm_up_s) == (60, 5)


def test_host_sets_both_urls_with_tls_and_a_prefix():
    """`-H https://…` means https and wss; a path is kept."""
    benchmark = benchmark_of("locustfiles/mixed.py")
    options = options_for(benchmark, ["-H", "https://example.org/chat"])[1]
    assert options.api_url == "https://example.org/chat/api"
    assert options.ws_url == "wss://example.org/chat/socket/websocket"


def test_environment_beats_preset_and_flag_beats_environment(monkeypatch):
    """The README's sentence on precedence."""
    benchmark = benchmark_of("locustfiles/mixed.py")
    monkeypatch.setenv("DURATION", "90s")
    assert options_for(benchmark, [])[1].plan.duration_s == 90
    assert options_for(benchmark, ["--duration", "70s"])[1].plan.duration_s == 70
