"""The options of single benchmarks, each a flag, an environment variable and a field of the web form."""

from typing import Final

from fleetlm_users.workload.options.specs import OptionSpec

GROUP: Final = "benchmark"

KEEP_ALIVE_MS: Final = OptionSpec(
    "keep_alive_ms", "--keep-alive-ms", "KEEP_ALIVE_MS", "60000",
    "how long each session is held, in milliseconds; 0 until the run ends", "whole", "60000", group=GROUP,
)  # fmt: skip

SEND_INTERVAL: Final = OptionSpec(
    "send_interval", "--send-interval", "SEND_INTERVAL", "1000",
    "milliseconds from one message of a user to the next", "positive", "1000", group=GROUP,
)  # fmt: skip

RUNTIME_MS: Final = OptionSpec(
    "runtime_ms", "--runtime-ms", "RUNTIME_MS", "0",
    "how long each user sends, in milliseconds; 0 until the run ends", "whole", "60000", group=GROUP,
)  # fmt: skip

PIPELINE_DEPTH: Final = OptionSpec(
    "pipeline_depth", "--pipeline-depth", "PIPELINE_DEPTH", "",
    "closed loop: every user keeps this many messages in flight; empty is off", "count", "5", group=GROUP,
)  # fmt: skip

ARRIVAL_RATE: Final = OptionSpec(
    "arrival_rate", "--arrival-rate", "ARRIVAL_RATE", "",
    "open: messages per second of all users together, whatever the replies do; empty is off", "positive", "200",
    group=GROUP,
)  # fmt: skip

ITERATIONS: Final = OptionSpec(
    "iterations", "--iterations", "ITERATIONS", "50",
    "whole journeys of each user; when all have done theirs the run ends", "count", "50", group=GROUP,
)  # fmt: skip

MESSAGES_PER_SESSION: Final = OptionSpec(
    "messages_per_session", "--messages-per-session", "MESSAGES_PER_SESSION", "3",
    "messages of each session, one after the other", "count", "3", group=GROUP,
)  # fmt: skip

MESSAGES: Final = OptionSpec(
    "messages", "--messages", "MESSAGES", "10",
    "messages of each round; with their answers at most 100 fit into a replay", "count", "10", group=GROUP,
)  # fmt: skip

CORRECTNESS_DEPTH: Final = OptionSpec(
    "pipeline_depth", "--pipeline-depth", "PIPELINE_DEPTH", "",
    "at most this many messages in flight; empty sends all of a round at once", "count", "5", group=GROUP,
)  # fmt: skip
