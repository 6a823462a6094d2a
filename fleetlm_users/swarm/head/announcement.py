"""The lines at the start of a run: what is about to be done, to whom, and how it will be judged."""

from fleetlm_users.workload.duration import format_duration
from fleetlm_users.workload.options.model import Options
from fleetlm_users.workload.plan import Plan


def announcement(options: Options, is_finite: bool = False, is_search: bool = False) -> str:
    """A few lines for a person, no secrets."""
    plan = options.plan
    users = _users(plan)
    length = format_duration(plan.duration_s) if plan.duration_s else "until stopped"
    if is_finite:
        end = "until the search is done" if is_search else "until all have done their work"
        length = f"at most {length}" if plan.duration_s else end
    if plan.shape:
        length = f"until the shape {plan.shape} ends"
    ramp_up = f"ramp-up {_seconds(plan.ramp_up_s)}" if not plan.shape else "ramps as the shape has them"
    lines = [
        f"{plan.benchmark}, preset {plan.preset}: {users}, {length}",
        f"  {ramp_up}, warm-up {_seconds(plan.warm_up_s)} (measured, not judged)",
        f"  FleetLM  {options.api_url}  {options.ws_url}" + ("  (embedded stand-in)" if options.standin else ""),
        f"  agent    {options.agent_id} at {options.agent_url}",
        f"  run id   {options.run_id}   seed {options.seed}",
    ]
    return "\n".join(lines)


def _users(plan: Plan) -> str:
    counts = [f"{count} {name}" for name, count in plan.users.items() if count]
    if plan.shape:
        return f"as many users as the load shape {plan.shape} asks for, in the proportion {' : '.join(counts)}"
    return f"{plan.total_users} users ({' + '.join(counts)})"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3g} s"
