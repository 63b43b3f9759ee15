import sys

import pytest

from augtrial.core.registry import Registry, classifiers, synthesizers, tasks

MODULE = """
from kinds_of_this_test import registry


@registry.register
class {name}:
    name = "{name}"
"""


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """Return a registry, and a function that adds a module to its package."""
    folder = tmp_path / "kinds_of_this_test"
    folder.mkdir()
    found = Registry("thing", folder.name)
    monkeypatch.syspath_prepend(tmp_path)
    (folder / "__init__.py").write_text("registry = None\n", encoding="utf-8")

    def add(module, *names):
        text = "".join(MODULE.format(name=name) for name in names)
        (folder / f"{module}.py").write_text(text, encoding="utf-8")

    package = __import__(folder.name)
    package.registry = found
    yield found, add
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def test_a_kind_registers_itself_at_the_first_question(registry):
    found, add = registry
    add("second", "b")
    add("first", "c", "a")
    assert "kinds_of_this_test.first" not in sys.modules
    assert list(found) == ["a", "b", "c"]
    assert len(found) == 3
    assert type(found["b"]).__name__ == "b"
    assert "d" not in found


def test_two_kinds_of_one_name_are_refused(registry):
    found, add = registry
    add("first", "a")
    assert list(found) == ["a"]
    with pytest.raises(ValueError, match="two kinds of thing are named 'a'"):
        found.register(type(found["a"]))


def test_the_kinds_of_the_package_are_there():
    assert {"acgan", "dcgan"} <= set(synthesizers)
    assert "classification" in tasks
    assert "frid_adar" in classifiers
    for registry in (synthesizers, classifiers):
        for name, kind in registry.items():
            assert kind.Settings.model_fields["kind"].default == kind.name == name
