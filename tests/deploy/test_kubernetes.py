"""deploy/kubernetes: the API's own schemas, and that the objects fit each other, the image and our programs."""

import re
import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml

from fleetlm_users.workload.options.model import COMMON
from tests.deploy import dockerfile
from tests.deploy.ending import longest_end_s
from tests.deploy.kubernetes import FOLDER, FORMS, Pod, objects, of_kind, pods, read
from tests.docs.commands import Command, benchmark_of, check, options_for

OLDEST, NEWEST = "1.29", kubernetes_validate.latest_version()
FOUND = {form: objects(FOLDER / form) for form in FORMS}
READER = Pod("Pod", read(FOLDER / "results" / "reader.yaml")[0])
PODS = [(form, pod) for form in FORMS for pod in pods(FOUND[form])] + [("results", READER)]
each_form = pytest.mark.parametrize("form", FORMS)
each_pod = pytest.mark.parametrize(("form", "pod"), PODS, ids=[f"{form}-{pod.name}" for form, pod in PODS])


@each_form
@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_every_object_keeps_the_schema_of_its_kind(form, version):
    """The check is strict: a field unknown to the API is a mistake. A LocustTest is not one of Kubernetes' own
    kinds.
    """
    for each in [*FOUND[form], READER.workload]:
        if each["kind"] != "LocustTest":
            kubernetes_validate.validate(each, version, strict=True)


def test_the_schema_would_find_a_mistake():
    """Else the test above says nothing."""
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"prots": []}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, NEWEST, strict=True)


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@each_form
def test_kustomize_builds_what_is_tested_here(form):
    """Kubectl's own build, the hashes behind the names of ConfigMaps left out."""
    built = subprocess.run(["kubectl", "kustomize", str(FOLDER / form)], capture_output=True, text=True, check=True)
    plain = re.sub(r"\b(load|options)-[a-z0-9]{10}\b", r"\1", built.stdout)
    assert _sorted(yaml.safe_load_all(plain)) == _sorted(FOUND[form])


def _sorted(found):
    return sorted(found, key=lambda each: (each["kind"], each["metadata"]["name"]))


@each_pod
def test_a_pod_keeps_the_restricted_standard(form, pod):
    """It is not root, cannot gain privileges, cannot write its root, and gets neither a token nor service variables."""
    context, container = pod.spec["securityContext"], pod.container
    assert context["runAsNonRoot"] is True
    assert context["runAsUser"] > 0
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    }
    assert pod.spec["automountServiceAccountToken"] is False
    assert pod.spec["enableServiceLinks"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & pod.spec.keys()


@each_pod
def test_a_pod_asks_for_what_it_needs(form, pod):
    """It states requests and limits for both; what it writes to is mounted, and what it mounts exists."""
    resources = pod.container["resources"]
    assert resources["requests"].keys() == resources["limits"].keys() == {"cpu", "memory"}
    volumes = pod.spec["volumes"]
    mounts = {mount["mountPath"]: mount for mount in pod.container["volumeMounts"]}
    assert {mount["name"] for mount in mounts.values()} == {volume["name"] for volume in volumes}
    if pod is not READER:
        assert not mounts[dockerfile.environment()["HOME"]].get("readOnly")
    if pod.name == "master":
        assert not mounts[dockerfile.environment()["RESULTS_DIR"]].get("readOnly")
    maps = {volume["configMap"]["name"] for volume in volumes if "configMap" in volume}
    claims = {volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume}
    assert maps <= of_kind(FOUND.get(form, []), "ConfigMap").keys()
    assert claims <= of_kind(FOUND["job"], "PersistentVolumeClaim").keys()


@each_form
def test_selectors_find_their_pods_and_ports(form):
    """Deployments, services, policies."""
    found = FOUND[form]
    everyone = pods(found)
    for pod in everyone:
        if pod.kind == "Deployment":
            assert pod.workload["spec"]["selector"]["matchLabels"].items() <= pod.labels.items()
    for name, service in of_kind(found, "Service").items():
        chosen = [pod for pod in everyone if service["spec"]["selector"].items() <= pod.labels.items()]
        assert len(chosen) == 1, name
        ports = {port["name"]: port["containerPort"] for port in chosen[0].container["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"], name
        assert service["spec"].get("type", "ClusterIP") == "ClusterIP"
    components = {pod.labels["app.kubernetes.io/component"] for pod in everyone}
    components |= {"master", "worker"} if form == "operator" else set()
    for name, policy in of_kind(found, "NetworkPolicy").items():
        selected = policy["spec"]["podSelector"].get("matchLabels", {})
        assert selected.get("app.kubernetes.io/component", "worker") in components, name


def test_only_workers_reach_the_master_and_nobody_the_web_ui():
    """Load goes only to FleetLM."""
    policies = of_kind(FOUND["web"], "NetworkPolicy")
    assert policies["deny-all"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    (ingress,) = policies["master"]["spec"]["ingress"]
    assert ingress["from"] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/component": "worker"}}}]
    assert _ports(ingress) == [5557]
    assert "ingress" not in policies["worker"]["spec"]
    assert "egress" not in policies["echo-agent"]["spec"]
    assert sorted(port for rule in policies["master"]["spec"]["egress"] for port in _ports(rule)) == [4000, 4001]
    assert sorted(port for rule in policies["worker"]["spec"]["egress"] for port in _ports(rule)) == [4000, 5557]
    assert _ports(policies["dns"]["spec"]["egress"][0]) == [53, 53]
    assert not [pod for _, pod in PODS if "--web-host" in pod.container.get("args", [])]


def _ports(rule):
    return [port["port"] for port in rule["ports"]]


def _options(form):
    """The variables that the form's master finds set."""
    return of_kind(FOUND[form], "ConfigMap")["options"]["data"]


def test_the_policies_let_through_what_the_options_name():
    """FleetLM by its namespace and port, the agent by its service."""
    options, policies = _options("web"), of_kind(FOUND["web"], "NetworkPolicy")
    namespace, port = re.fullmatch(r"http://\w+\.(\w+)\.svc:(\d+)", options["LOCUST_HOST"]).groups()
    to_fleetlm = policies["worker"]["spec"]["egress"][1]
    assert to_fleetlm["to"][0]["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": namespace}
    assert _ports(to_fleetlm) == [int(port)]
    assert to_fleetlm == policies["master"]["spec"]["egress"][1]
    assert to_fleetlm["to"][0] == policies["echo-agent"]["spec"]["ingress"][0]["from"][1]
    service = of_kind(FOUND["web"], "Service")["echo-agent"]
    where = f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc"
    assert options["AGENT_URL"] == f"http://{where}:{service['spec']['ports'][0]['port']}"


@each_form
def test_the_options_and_the_config_map_are_taken(form, tmp_path):
    """The locustfile installs its benchmark, its preset is in the presets file, every variable is an option."""
    files = of_kind(FOUND[form], "ConfigMap")["load"]["data"]
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    benchmark = benchmark_of(tmp_path / "locustfile.py")
    packaged = benchmark_of("locustfiles/mixed.py")
    assert (benchmark.name, list(benchmark.behaviours)) == (packaged.name, list(packaged.behaviours))
    options = _options(form)
    assert options.keys() <= {spec.env for spec in COMMON} | {"LOCUST_HOST"}
    assert options["PRESETS_FILE"] == "/load/presets.yaml"
    presets = str(tmp_path / "presets.yaml")
    arguments = ["--presets-file", presets, "--preset", options["PRESET"], "--host", options["LOCUST_HOST"]]
    plan = options_for(benchmark, [*arguments, "--agent-url", options["AGENT_URL"]])[1].plan
    assert plan.total_users == 2000


def _argv(form, pod):
    """A container's whole command line, its mounted files as they lie here."""
    words = [*pod.container.get("command", dockerfile.entrypoint()), *pod.container.get("args", [])]
    return [word.replace("/load/", f"{FOLDER}/base/") for word in words]


@each_pod
def test_the_commands_are_taken_by_their_own_parsers(form, pod):
    """They run as in the container; the reader of results runs none of ours."""
    if pod is not READER:
        env = {key: value for key, value in _options(form).items() if key not in ("PRESETS_FILE", "PRESET")}
        check(Command(f"deploy/kubernetes/{form}: {pod.name}", tuple(_argv(form, pod)), env))


@pytest.mark.parametrize("form", ["web", "job"])
def test_workers_find_their_own_master(form):
    """Each form has a service of its own, so that two forms side by side do not mix."""
    found = {pod.name: pod for pod in pods(FOUND[form])}
    master, worker = found["master"], found["worker"]
    service = of_kind(FOUND[form], "Service")[worker.container["args"][-1]]
    assert service["spec"]["selector"] == master.labels
    assert master.container["readinessProbe"]["tcpSocket"]["port"] == service["spec"]["ports"][0]["targetPort"]
    assert service["spec"]["ports"][0]["port"] == 5557
    other = next(pod for form_, pod in PODS if pod.name == "master" and form_ != form)
    assert not service["spec"]["selector"].items() <= other.labels.items()


def test_the_jobs_master_waits_for_all_its_workers_and_runs_once():
    """Its exit code is the verdict: a failed run is not repeated, a worker that died is replaced."""
    jobs = of_kind(FOUND["job"], "Job")
    arguments = pods([jobs["master"]])[0].container["args"]
    assert arguments[arguments.index("--expect-workers") + 1] == str(jobs["worker"]["spec"]["parallelism"])
    assert jobs["master"]["spec"]["backoffLimit"] == 0
    assert jobs["worker"]["spec"]["backoffLimit"] > 0
    assert all(pod.spec["restartPolicy"] == "Never" for pod in pods(jobs.values()))


def test_master_and_workers_are_given_the_time_to_drain():
    """Kubernetes kills after 30 s by default."""
    for _, pod in PODS:
        if pod.name in ("master", "worker"):
            assert pod.spec["terminationGracePeriodSeconds"] > longest_end_s()


def test_every_image_is_ours_and_has_a_tag():
    """One place to change it in each form."""
    for form in FORMS:
        images = {pod.container["image"] for pod in pods(FOUND[form])}
        images |= {each["spec"]["image"] for each in of_kind(FOUND[form], "LocustTest").values()}
        assert len(images) == 1
        assert re.fullmatch(r"registry\.example\.org/fleetlm-load:\d+\.\d+\.\d+", images.pop())
    bases = [dockerfile.of(stage, "FROM")[0][0] for stage in dockerfile.stages()]
    assert READER.container["image"] == bases[-1]


def test_the_locust_test_runs_our_commands():
    """The operator puts its own flags after ours."""
    (test,) = of_kind(FOUND["operator"], "LocustTest").values()
    spec = test["spec"]
    added = ["--master", "--master-port=5557", f"--expect-workers={spec['worker']['replicas']}"]
    added += ["--enable-rebalancing", "--only-summary"]
    for words, flags in (
        (spec["master"]["command"], added),
        (spec["worker"]["command"], ["--worker", "--master-port=5557", "--master-host=mixed-master"]),
    ):
        here = words.replace(spec["testFiles"]["srcMountPath"], f"{FOLDER}/base")
        check(Command("locusttest.yaml", ("locust", *here.split(), *flags)))
    config_maps = of_kind(FOUND["operator"], "ConfigMap")
    assert spec["testFiles"]["configMapRef"] in config_maps
    assert spec["env"]["configMapRefs"][0]["name"] in config_maps
    master = pods([of_kind(FOUND["job"], "Job")["master"]])[0]
    assert spec["security"]["podSecurityContext"] == master.spec["securityContext"]
    assert spec["security"]["containerSecurityContext"] == master.container["securityContext"]
