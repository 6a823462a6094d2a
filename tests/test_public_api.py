"""`from fleetlm_users import …` has everything that a behaviour needs, and importing the package starts nothing."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fleetlm_users
import fleetlm_users.users
from fleetlm_users.swarm.signals import NOTHING_RAN, NOTHING_RAN_EXIT

FILE = Path(fleetlm_users.__file__)
NAMES = sorted(set(fleetlm_users.__all__) - {"__version__"})
FOREIGN = ("aiohttp", "flask", "gevent", "locust", "requests", "websocket")

OLD_ADDRESS = [
    *("BurstUser", "ChurnUser", "ConcurrentUser", "CorrectnessUser", "FleetUser", "HotPathUser", "InboxWatcher"),
    *("LifecycleUser", "LongLivedUser", "Metric", "OptionSpec", "SteadyUser", "ThroughputUser", "UserSession"),
    *("counter", "fleet_of", "gauge", "install", "rate", "trend"),
]
"""The names that `fleetlm_users.users` exported before this address existed."""


def loaded_after(code):
    """The modules that a fresh interpreter has loaded after some code."""
    script = f"import sys\n{code}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    return set(run.stdout.split())


def imported_for_type_checkers():
    """Name and module of every import below TYPE_CHECKING."""
    blocks = [node for node in ast.parse(FILE.read_text(encoding="utf-8")).body if isinstance(node, ast.If)]
    imports = [node for node in blocks[0].body if isinstance(node, ast.ImportFrom)]
    return {alias.name: node.module.removeprefix("fleetlm_users.") for node in imports for alias in node.names}


def test_importing_the_package_loads_nothing_else():
    """It covers libraries and modules of our own, even when its names are listed."""
    loaded = loaded_after("import fleetlm_users\ndir(fleetlm_users)")
    assert not loaded & set(FOREIGN)
    assert {name for name in loaded if name.startswith("fleetlm_users")} == {"fleetlm_users"}


def test_names_of_pure_packages_load_no_event_loop():
    """Options, metrics, pacing and errors can be used without gevent and Locust."""
    loaded = loaded_after(
        "from fleetlm_users import Options, UsageError, counter, fixed, option, search_settings, trend"
    )
    assert not loaded & set(FOREIGN)


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there(name):
    """Listed, imported at its first use, the object of its own module."""
    value = getattr(fleetlm_users, name)
    assert value.__name__ == name
    assert value.__module__ == f"fleetlm_users.{fleetlm_users._MODULES[name]}"
    assert name in dir(fleetlm_users)


def test_type_checkers_see_what_is_exported():
    """The same names from the same modules."""
    assert imported_for_type_checkers() == fleetlm_users._MODULES
    assert set(NAMES) == fleetlm_users._MODULES.keys()
    assert fleetlm_users.__all__ == sorted(fleetlm_users.__all__)


@pytest.mark.parametrize("is_locust", [True, False])
def test_ctrl_c_while_a_locustfile_is_imported_ends_in_a_sentence(monkeypatch, capsys, is_locust):
    """It applies to the command `locust`, not to a program that imports the package."""

    def interrupted(_name):
        raise KeyboardInterrupt

    monkeypatch.setattr(fleetlm_users, "import_module", interrupted)
    monkeypatch.delitem(sys.modules, "locust.main", raising=False)
    if is_locust:
        monkeypatch.setitem(sys.modules, "locust.main", sys)
    with pytest.raises(SystemExit if is_locust else KeyboardInterrupt) as raised:
        fleetlm_users.__getattr__("FleetUser")
    assert not is_locust or raised.value.code == NOTHING_RAN_EXIT
    assert capsys.readouterr().err == (f"{NOTHING_RAN}\n" if is_locust else "")


def test_an_unknown_name_is_refused():
    """Any module does; `from … import` still finds a submodule."""
    with pytest.raises(AttributeError, match="no attribute 'FleetUsr'"):
        _ = fleetlm_users.FleetUsr
    with pytest.raises(ImportError):
        from fleetlm_users import FleetUsr  # noqa: F401, PLC0415
    from fleetlm_users import measure  # noqa: PLC0415

    assert measure.__name__ == "fleetlm_users.measure"


@pytest.mark.parametrize("name", OLD_ADDRESS)
def test_the_old_address_keeps_working(name):
    """`from fleetlm_users.users import …` gives the same objects."""
    value = getattr(fleetlm_users.users, name)
    assert name in fleetlm_users.users.__all__
    assert name == "fleet_of" or value is getattr(fleetlm_users, name)


def test_the_types_are_shipped():
    """PEP 561: type checkers read the annotations of an installed package."""
    assert (FILE.parent / "py.typed").is_file()


IN_LOCUST = """
import gc, sys, types
before = gc.get_freeze_count()  # Python 3.12 begins with some
if sys.argv[1] == "locust":
    sys.modules["locust.main"] = types.ModuleType("locust.main")
from fleetlm_users import Metric
print(gc.isenabled(), gc.get_freeze_count() > before)
"""


@pytest.mark.parametrize(("host", "is_frozen"), [("locust", True), ("a program of somebody else", False)])
def test_what_a_locust_process_imports_is_frozen_and_nothing_of_another_program(host, is_frozen):
    ended = subprocess.run([sys.executable, "-c", IN_LOCUST, host], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"True {is_frozen}\n", "")
