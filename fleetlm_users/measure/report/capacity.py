"""The result of a capacity search: its steps as a table, its result as a sentence, its verdict."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from fleetlm_users.measure import formatting
from fleetlm_users.measure.judging.capacity import Step
from fleetlm_users.measure.judging.thresholds import Judgement
from fleetlm_users.measure.judging.total_failures import total_failures
from fleetlm_users.measure.judging.verdict import RunFacts, Verdict, accounting_doubts, missing_reports, unasked_answers
from fleetlm_users.measure.report.content.capacity_types import CapacityEntry, StepEntry
from fleetlm_users.measure.totals import Totals

HEAD = (
    *("step", "asked", "joined", "messages/s", "append p95", "agent p95", "join p95", "late p99"),
    *("waiting", "result"),
)


class Capacity(msgspec.Struct, frozen=True):
    """A search's result: `kept` is the highest load that was kept, `missed` the lowest that was not (None: none).

    `unit` is the unit searched for; one user accounts for `per_user` of it. `finished` says that the search reached its
    end, `limited` that the generator ended it. `confirmed` is the load that survived being held once more for
    `confirm_s`, 0 if none did; `confirm_s` is 0 if none was to be confirmed. `unrecovered` says that the server did not
    recover from a step, which ended the search, and `doing` what an unfinished search was doing.
    """

    unit: str
    per_user: float
    kept: int
    missed: int | None
    limited: bool
    finished: bool
    steps: tuple[Step, ...]
    confirmed: int = 0
    confirm_s: float = 0.0
    unrecovered: str = ""
    doing: str = ""

    def words(self) -> str:
        """Return the result as a sentence."""
        at_least = f"at least {self.amount(self.kept)}, {self.how_sure()}"
        if not self.finished:
            stopped = f"the search was not finished{f'; it was {self.doing}' if self.doing else ''}"
            return f"{at_least}: {stopped}" if self.kept else stopped
        if self.unrecovered:
            return f"{self.unrecovered}; {f'before, {at_least}' if self.kept else 'nothing was kept before'}"
        if self.limited:
            return f"{at_least}: beyond that the generator was the limit, not the server: {self._last_doubt()}"
        if self.missed is None:
            return f"{at_least}: more was not tried (--most)"
        reason = self._miss_at(self.missed)
        if not self.kept:
            return f"not even {self.amount(self.missed)} kept the thresholds: {reason}"
        kept = f"{self.amount(self.kept)} kept the thresholds, {self.how_sure()}"
        return f"{kept}; {self.amount(self.missed)} did not: {reason}"

    def how_sure(self) -> str:
        """Return whether the kept load was confirmed."""
        if self.confirmed:
            return f"confirmed for {formatting.duration(self.confirm_s)}"
        return "kept once, not confirmed" if self.confirm_s else "kept once, not confirmed (--confirm 0)"

    def amount(self, load: int) -> str:
        """Return a load in the unit searched for."""
        return amount(load, self.unit, self.per_user)

    def judgements(self) -> tuple[Judgement, ...]:
        """Return each threshold as judged at the highest kept load that could judge it; at the last step if none was
        kept.

        Few sessions are opened on the way to the last steps, so the cost of opening one comes from earlier steps.
        """
        kept = (step for step in self.steps if step.outcome == "kept" and step.load <= self.kept)
        in_order = sorted(kept, key=lambda step: (step.load, step.confirmation))
        line = {str(j.threshold): j for step in in_order or self.steps for j in step.judgements}
        return tuple(line.values())

    def to_json(self) -> CapacityEntry:
        """Return the entry of summary.json: loads in users, `result` in the unit."""
        return {
            "unit": self.unit,
            "per_user": self.per_user,
            "kept": self.kept,
            "missed": self.missed,
            "result": self.kept * self.per_user,
            "at_least": self.missed is None or self.limited or not self.finished or bool(self.unrecovered),
            "limited_by_generator": self.limited,
            "confirmed": self.confirmed,
            "confirm_s": self.confirm_s,
            "unrecovered": self.unrecovered,
            "finished": self.finished,
            "words": self.words(),
            "steps": [_step_json(step) for step in self.steps],
        }

    def _miss_at(self, load: int) -> str:
        misses = [step.misses[0] for step in self.steps if step.load == load and step.outcome == "missed"]
        return misses[-1] if misses else ""

    def _last_doubt(self) -> str:
        doubts = [step.doubts[0] for step in self.steps if step.doubts]
        return doubts[-1] if doubts else ""


def amount(load: int, unit: str, per_user: float) -> str:
    """Return a load, in users, in the unit searched for: `1,200 messages/s (120 users)`."""
    if per_user == 1:
        return f"1 {unit.removesuffix('s')}" if load == 1 and unit.isalpha() else f"{load:,} {unit}"
    return f"{load * per_user:,.6g} {unit} ({load:,} user{'' if load == 1 else 's'})"


def decide_search(result: Capacity, totals: Totals, facts: RunFacts) -> Verdict:
    """Return the verdict of a search. It passes when it found the limit, or every load to be tried was kept.

    It fails when not even the lowest load kept the thresholds, and when the server did not recover from a step. It is
    inconclusive when it was not finished, when the generator was the limit, when no load survived its confirmation,
    when reports are missing, when the messages do not add up, or when the agent answered what nobody had asked. Missed
    steps are no fault: a search looks for them.
    """
    nothing_kept = result.finished and not result.kept and not result.limited
    failures = (f"capacity: {result.words()}",) if nothing_kept or result.unrecovered else ()
    doubts = tuple(_doubts(result, totals, facts))
    kind: Literal["pass", "fail", "inconclusive"] = "fail" if failures else "inconclusive" if doubts else "pass"
    return Verdict(kind, failures, doubts, result.judgements())


def _doubts(result: Capacity, totals: Totals, facts: RunFacts) -> Iterable[str]:
    is_unconfirmed = bool(result.kept and result.confirm_s and not result.confirmed)
    if not result.unrecovered and (not result.finished or result.limited or is_unconfirmed):
        yield f"capacity: {result.words()}"
    if facts.interrupted:
        yield "the run was interrupted"
    for judgement in result.judgements():
        if judgement.too_few:
            yield f"{judgement.expression}: {judgement.problem}; hold the steps longer"
    yield from facts.doubts
    yield from missing_reports(facts)
    yield from accounting_doubts(totals, facts.limits)
    yield from unasked_answers(totals, facts)
    yield from map(str, total_failures(totals, [judgement.threshold for judgement in result.judgements()]))


def _step_json(step: Step) -> StepEntry:
    backlogs = step.backlogs.values()
    waiting_s = [backlog.waiting_s for backlog in backlogs if backlog.waiting_s is not None]
    return {
        "load": step.load,
        "joined": step.joined,
        "hold_s": round(step.hold_s, 3),
        "repeat": step.repeat,
        "confirmation": step.confirmation,
        "outcome": step.outcome,
        "misses": list(step.misses),
        "doubts": list(step.doubts),
        "messages_per_s": step.figures["messages_per_s"],
        "append_p95_ms": step.figures["append_p95_ms"],
        "agent_p95_ms": step.figures["agent_p95_ms"],
        "join_p95_ms": step.figures["join_p95_ms"],
        "agent_reply_rate": step.figures["agent_reply_rate"],
        "lateness_p99_ms": step.figures["lateness_p99_ms"],
        "is_behind": step.is_behind,
        "waiting": sum(backlog.waiting for backlog in backlogs),
        "waiting_s": round(max(waiting_s), 3) if waiting_s else None,
    }


def capacity_rows(capacity: CapacityEntry) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return the steps as a table: its head and its rows."""
    steps = enumerate(capacity["steps"], 1)
    return HEAD, tuple(_row(number, step, capacity["per_user"]) for number, step in steps)


def capacity_lines(capacity: CapacityEntry) -> list[str]:
    """Return the lines below the table: why steps were missed, and the result."""
    reasons = [
        f"step {number}: {reason}"
        for number, step in enumerate(capacity["steps"], 1)
        for reason in (*step["doubts"], *step["misses"])
    ]
    return [*reasons, capacity["words"]]


def step_line(number: int, step: Step, per_user: float) -> str:
    """Return one step as a line of a live table."""
    name, asked, joined, rate, append, agent, join, late, waiting, result = _row(number, _step_json(step), per_user)
    reasons = "; ".join((*step.doubts, *step.misses))
    line = f"step {name:<10} {asked:>8} asked {joined:>7} joined {rate:>7} messages/s   p95 ms: append {append:>7}"
    return (
        f"{line}  agent {agent:>7}  join {join:>7}   late p99 {late:>7}   waiting {waiting:>7}   {result}"
        f"{f': {reasons}' if reasons else ''}"
    )


def _row(number: int, step: StepEntry, per_user: float) -> tuple[str, ...]:
    """Return one step as cells; latencies in ms."""
    return (
        f"{number}{' confirm' if step.get('confirmation') else ''}{' again' if step['repeat'] else ''}",
        f"{step['load'] * per_user:,.6g}",
        formatting.count(step["joined"]),
        formatting.per_s(step["messages_per_s"]).removesuffix("/s"),
        *(formatting.ms(value) for value in (step["append_p95_ms"], step["agent_p95_ms"], step["join_p95_ms"])),
        formatting.ms(step["lateness_p99_ms"]),
        _waiting(step),
        "generator's limit" if step["outcome"] == "limited" else step["outcome"],
    )


def _waiting(step: StepEntry) -> str:
    """Return the backlog at the step's end, and how long the server needs for it at its own rate."""
    if "waiting" not in step:
        return formatting.NOTHING
    waiting_s = step.get("waiting_s")
    return formatting.count(step["waiting"]) + (f" ({waiting_s:.1f} s)" if waiting_s else "")
