"""A run's start, stages and verdict as annotations in Grafana (`--annotate`), posted during the run.

Annotations are a convenience: whatever happens to one, the run goes on, its files are written before the last one is
posted, and no wait is longer than a few seconds. A failure to post is reported once, and recorded.
"""

import html
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import gevent

from fleetlm_users.errors import FleetlmError
from fleetlm_users.measure.report.content.stages import StageSpan
from fleetlm_users.measure.report.content.statements import statements
from fleetlm_users.measure.report.rows import title_parts
from fleetlm_users.measure.report.summary.related_types import AnnotationsEntry
from fleetlm_users.measure.report.summary.types import Summary
from fleetlm_users.swarm.benchmark import AnnotationSink
from fleetlm_users.units import MS_PER_S
from fleetlm_users.workload.options.model import Options

TIMEOUT_S: Final = 5.0
"""The limit for one annotation: Grafana answers in milliseconds, and a run does not wait for it."""

LAST_WAIT_S: Final = 8.0
"""How long the end of a run waits for annotations not yet posted: a little more than one time-out."""

MAX_TEXT: Final = 2_000
MOST_SENTENCES: Final = 6


class RunAnnotations:
    """The annotations of one run. `say` takes one line for a person, `now_s` is the time of day since 1970 in UTC."""

    def __init__(
        self,
        sink: AnnotationSink,
        options: Options,
        say: Callable[[str], None],
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._sink = sink
        self._options = options
        self._say = say
        self._began_s = now_s()
        self._spans_posted = 0
        self._waiting: deque[dict[str, Any]] = deque()
        self._added = self._posted = self._failed = 0
        self._problem = ""
        self._greenlet: gevent.Greenlet | None = None
        name = " · ".join(filter(None, (options.benchmark, options.plan.preset)))
        self._add("start", f"{name}: run {options.run_id} starts, {options.plan.total_users} users", 0.0)

    def __repr__(self) -> str:
        return f"RunAnnotations({self._posted} of {self._added} posted, {self._failed} failed)"

    def look(self, elapsed_s: float, stages: Sequence[StageSpan]) -> None:
        """Post each of the run's `stages` that is over by that second; a load shape's once the next begins."""
        spans = [*_spans(self._options, stages)]
        over = [span for span in spans if span[2] <= elapsed_s]
        if self._options.plan.shape:
            over = over[: len(spans) - 1]
        for span in over[self._spans_posted :]:
            self._add_span(*span)
        self._spans_posted = max(self._spans_posted, len(over))

    def finish(self, document: Summary, elapsed_s: float, stages: Sequence[StageSpan]) -> AnnotationsEntry:
        """Post the stages until the run's end, and its verdict; return within seconds how many were posted."""
        self.look(elapsed_s, stages)
        for name, begins_s, ends_s, text in [*_spans(self._options, stages)][self._spans_posted :]:
            if begins_s < elapsed_s:
                is_whole = ends_s <= elapsed_s
                self._add_span(name, begins_s, min(ends_s, elapsed_s), text if is_whole else f"{text}, cut short")
        kind = document["verdict"]["kind"]
        self._add("verdict", _verdict_text(document), 0.0, elapsed_s, f"verdict:{kind}")
        if self._greenlet is not None:
            self._greenlet.join(LAST_WAIT_S)
        open_ = self._added - self._posted - self._failed
        if open_:
            self._note(open_, f"no answer within {LAST_WAIT_S:g} s of the run's end")
        self.stop()
        url = str(self._options.annotate)
        return {"url": url, "posted": self._posted, "failed": self._failed, "problem": self._problem}

    def stop(self) -> None:
        """Post no more. May be called again."""
        self._waiting.clear()
        if self._greenlet is not None:
            self._greenlet.kill(block=False)
        self._sink.close()

    def _add_span(self, name: str, begins_s: float, ends_s: float, text: str) -> None:
        self._add("stage", text, begins_s, ends_s, f"stage:{name}")

    def _add(self, kind: str, text: str, at_s: float, ends_s: float | None = None, *tags: str) -> None:
        """Queue an annotation of a moment or a span of the run, in seconds since its start."""
        options = self._options
        annotation: dict[str, Any] = {
            "time": self._ms(at_s),
            "tags": ["fleetlm", kind, f"benchmark:{options.benchmark}", f"run:{options.run_id}", *tags],
            "text": html.escape(text[:MAX_TEXT], quote=False),  # Grafana renders it as HTML
        }
        if ends_s is not None:
            annotation["timeEnd"] = self._ms(ends_s)
        self._waiting.append(annotation)
        self._added += 1
        if self._greenlet is None or self._greenlet.ready():
            self._greenlet = gevent.spawn(self._post_all)

    def _ms(self, elapsed_s: float) -> int:
        return round((self._began_s + elapsed_s) * MS_PER_S)

    def _post_all(self) -> None:
        while self._waiting:
            annotation = self._waiting.popleft()
            try:
                self._sink.post(annotation)
                self._posted += 1
            except FleetlmError as problem:
                self._note(1, str(problem))
            except Exception as problem:  # a convenience must not cost the run, whatever happens
                self._note(1, type(problem).__name__)

    def _note(self, n: int, problem: str) -> None:
        """Count an annotation not posted; report and keep the first problem."""
        self._failed += n
        if not self._problem:
            self._problem = problem
            self._say(f"warning: the run is not annotated in Grafana: {problem}")


def _spans(options: Options, stages: Sequence[StageSpan]) -> Iterator[tuple[str, float, float, str]]:
    """Yield name, first and last second, and description of each stage of a run; without stages, of its warm-up."""
    for stage in stages:
        load = f"{stage.users_before} → {stage.users} users"
        if stage.rate is not None:
            load = f"{stage.rate_before:g} → {stage.rate:g} sessions/s"
        yield stage.name, stage.begins_s, stage.begins_s + stage.length_s, f"stage {stage.name}: {load}"
    if not stages and options.plan.warm_up_s:
        yield "warm-up", 0.0, options.plan.warm_up_s, "warm-up, measured and not judged"


def _verdict_text(document: Summary) -> str:
    """Return the verdict with the findings of the run."""
    verdict = document["verdict"]
    sentences = [statement.text for statement in statements(document)]
    reasons: Sequence[str] = [*verdict["failures"], *verdict["doubts"]]
    lines = [f"{' · '.join(title_parts(document)[:3])}: {verdict['kind'].upper()}", *sentences, *reasons]
    return "\n".join(lines[: MOST_SENTENCES + 1])
