"""Compiled templates are kept next to compiled modules, and never used for a different text."""

import sys

import pytest
from jinja2 import Environment, FileSystemLoader, environment

from fleetlm_users.measure.report.compiled_templates import CompiledTemplates


@pytest.fixture
def compiles(monkeypatch):
    """The names of the templates that Jinja compiles; what Python writes is written."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    names = []
    original = environment.Environment.compile

    def compile_(self, source, name=None, filename=None):
        names.append(name)
        return original(self, source, name, filename)

    monkeypatch.setattr(environment.Environment, "compile", compile_)
    return names


def rendered(folder):
    """Return what a newly started process would render."""
    templates = Environment(
        loader=FileSystemLoader(folder), autoescape=True, bytecode_cache=CompiledTemplates(folder), cache_size=0
    )
    return templates.get_template("page.html").render(name="<you>")


@pytest.fixture
def folder(tmp_path):
    """A folder with one template, which shows a name."""
    (tmp_path / "page.html").write_text("hello {{ name }}", encoding="utf-8")
    return tmp_path


def test_a_template_is_compiled_once_for_all_processes(folder, compiles):
    """The second finds it in __pycache__, and nothing else is left there."""
    assert [rendered(folder), rendered(folder)] == ["hello &lt;you&gt;"] * 2
    assert compiles == ["page.html"]
    (kept,) = (folder / "__pycache__").iterdir()
    assert kept.suffix == ".jinja"
    assert sys.implementation.cache_tag in kept.name


def test_another_text_is_compiled_anew(folder, compiles):
    """An update of the package."""
    rendered(folder)
    (folder / "page.html").write_text("bye {{ name }}", encoding="utf-8")
    assert rendered(folder) == "bye &lt;you&gt;"
    assert compiles == ["page.html"] * 2


@pytest.mark.parametrize("cut", [0, 3, 40, -5])
def test_what_is_broken_is_compiled_anew(folder, compiles, cut):
    """Cut off by a full disk, for example."""
    rendered(folder)
    (kept,) = (folder / "__pycache__").iterdir()
    kept.write_bytes(kept.read_bytes()[:cut])
    assert [rendered(folder), rendered(folder)] == ["hello &lt;you&gt;"] * 2
    assert compiles == ["page.html"] * 2


def test_nothing_is_written_where_python_writes_nothing(folder, compiles, monkeypatch):
    """PYTHONDONTWRITEBYTECODE."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert [rendered(folder), rendered(folder)] == ["hello &lt;you&gt;"] * 2
    assert compiles == ["page.html"] * 2
    assert not (folder / "__pycache__").exists()


def test_a_folder_that_cannot_be_written_to_does_no_harm(folder, compiles):
    """It is so in an image whose files belong to somebody else; here a file is in the way."""
    (folder / "__pycache__").write_text("in the way", encoding="utf-8")
    assert [rendered(folder), rendered(folder)] == ["hello &lt;you&gt;"] * 2
    assert compiles == ["page.html"] * 2


def test_a_full_disk_leaves_nothing_behind(folder, compiles, monkeypatch):
    """The report is written nevertheless."""

    def full(_number, _mode):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fleetlm_users.measure.report.compiled_templates.os.fchmod", full)
    assert rendered(folder) == "hello &lt;you&gt;"
    assert list((folder / "__pycache__").iterdir()) == []
