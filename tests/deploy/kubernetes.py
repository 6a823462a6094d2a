"""deploy/kubernetes as `kubectl kustomize` builds it, but for the hashes behind the names of ConfigMaps."""

from dataclasses import dataclass

import yaml

from tests.deploy.compose import LOADER
from tests.e2e.harness import ROOT

FOLDER = ROOT / "deploy" / "kubernetes"
FORMS = ("web", "job", "operator")
"""The folders that are applied; what they share is in the others."""

WORKLOADS = ("Deployment", "Job", "Pod")


def objects(folder):
    """The objects of a folder's kustomization, those of the folders it builds on first."""
    kustomization = read(folder / "kustomization.yaml")[0]
    found = []
    for name in kustomization["resources"]:
        path = folder / name
        found += objects(path.resolve()) if path.is_dir() else read(path)
    found += [_config_map(folder, each) for each in kustomization.get("configMapGenerator", ())]
    for each in found:
        if each["kind"] != "Namespace":
            each["metadata"]["namespace"] = kustomization["namespace"]
        for image in kustomization.get("images", ()):
            _name_image(each, image["name"], f"{image['newName']}:{image['newTag']}")
    return found


def read(path):
    """The documents of a YAML file."""
    return list(yaml.load_all(path.read_text(encoding="utf-8"), LOADER))


@dataclass(frozen=True)
class Pod:
    """The pods of one workload."""

    kind: str
    workload: dict

    @property
    def name(self):
        """The workload's name."""
        return self.workload["metadata"]["name"]

    @property
    def spec(self):
        """The pod's own spec."""
        return self.workload["spec"] if self.kind == "Pod" else self.workload["spec"]["template"]["spec"]

    @property
    def labels(self):
        """Return the labels that selectors see."""
        of = self.workload if self.kind == "Pod" else self.workload["spec"]["template"]
        return of["metadata"].get("labels", {})

    @property
    def container(self):
        """The one container."""
        (only,) = self.spec["containers"]
        return only


def pods(found):
    """The workloads among the objects."""
    return [Pod(each["kind"], each) for each in found if each["kind"] in WORKLOADS]


def of_kind(found, kind):
    """The objects of a kind, by name."""
    return {each["metadata"]["name"]: each for each in found if each["kind"] == kind}


def _config_map(folder, generator):
    data = {name: (folder / name).read_text(encoding="utf-8") for name in generator.get("files", ())}
    for name in generator.get("envs", ()):
        lines = (folder / name).read_text(encoding="utf-8").splitlines()
        data |= dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": generator["name"]}, "data": data}


def _name_image(each, name, image):
    """Puts an image in the place of its name."""
    holders = pods([each])[0].spec["containers"] if each["kind"] in WORKLOADS else [each.get("spec", {})]
    for holder in holders:
        if holder.get("image") == name:
            holder["image"] = image
