"""docker-compose.yml as `docker compose` reads it: variables put in, services chosen by profile."""

import re
from dataclasses import dataclass, field

import yaml

from tests.e2e.harness import ROOT

FILE = ROOT / "docker-compose.yml"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml reads ten times as fast
VARIABLE = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<name>[A-Z_]+)(?::-(?P<default>[^}]*))?\}|(?P<bad>.?))")
"""The forms that the file may use, `${NAME:-default}` and `$$`; any other dollar is a mistake."""


@dataclass(frozen=True)
class Compose:
    """The file under given variables and profiles; a service that is run by name is active, as Compose has it."""

    variables: dict[str, str] = field(default_factory=dict)
    profiles: tuple[str, ...] = ()

    @property
    def document(self):
        """The whole file, variables put in."""
        return self._filled(yaml.load(FILE.read_text(encoding="utf-8"), LOADER))

    @property
    def services(self):
        """The services that are active, by name."""
        return {
            name: service
            for name, service in self.document["services"].items()
            if not service.get("profiles") or set(service["profiles"]) & set(self.profiles)
        }

    def argv(self, name, *, entrypoint):
        """The whole command line of a service; `entrypoint` is the image's."""
        service = self.services[name]
        return [*service.get("entrypoint", entrypoint), *service["command"]]

    def environment(self, name):
        """Return the environment of a service's container besides the image's own; a variable without a value is passed
        on.
        """
        declared = self.services[name].get("environment", {})
        handed_on = {key: self.variables.get(key) if value is None else value for key, value in declared.items()}
        return {key: value for key, value in handed_on.items() if value is not None}

    def _filled(self, value):
        if isinstance(value, dict):
            return {key: self._filled(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(item) for item in value]
        return VARIABLE.sub(self._of, value) if isinstance(value, str) else value

    def _of(self, found):
        assert found["bad"] is None, f"not understood: {found.string}"
        if found["escaped"]:
            return "$"
        given = self.variables.get(found["name"])
        assert given or found["default"] is not None, f"{found['name']} has no default"
        return given or found["default"]
