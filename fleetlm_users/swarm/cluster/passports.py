"""The passport of this process: what code it runs."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import locust
from locust.env import Environment

import fleetlm_users
from fleetlm_users.swarm.cluster.code_version import Passport
from fleetlm_users.swarm.context import Fleet
from fleetlm_users.swarm.options.parser import specs_of

PACKAGE = Path(fleetlm_users.__file__).parent


def passport_of(environment: Environment, fleet: Fleet) -> Passport:
    """The code of this process, as another process of the run must have it. Reads it: some milliseconds."""
    return Passport(
        package=fleetlm_users.__version__,
        locust=locust.__version__,
        benchmark=fleet.benchmark.name,
        scenarios=tuple(fleet.benchmark.behaviours),
        options=tuple(spec.flag for spec in specs_of(fleet.benchmark)),
        metrics=tuple(f"{name} ({metric.kind})" for name, metric in fleet.catalogue.items()),
        source=digest(sorted(PACKAGE.rglob("*.py"))),
        locustfile=digest(map(Path, environment.parsed_locustfiles or ())),
    )


def digest(files: Iterable[Path]) -> str:
    """Of the files' texts, whatever their names and line ends; empty when one cannot be read, a URL for example."""
    total = hashlib.sha256()
    try:
        for file in files:
            total.update(hashlib.sha256(file.read_bytes().replace(b"\r\n", b"\n")).digest())
    except OSError:
        return ""
    return total.hexdigest()[:16]
