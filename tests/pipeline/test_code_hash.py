import pytest

from augtrial.pipeline import code_hash
from augtrial.pipeline.code_hash import reached_modules


class Package:
    """A package of a few modules in the place of ours."""

    def __init__(self, folder) -> None:
        self.folder = folder

    def write(self, **modules: str) -> None:
        """Write modules; "inner__deep" is inner/deep.py, of a package."""
        for name, text in modules.items():
            path = self.folder.joinpath(*name.split("__")).with_suffix(".py")
            path.parent.mkdir(exist_ok=True)
            path.with_name("__init__.py").touch()
            path.write_text(text, encoding="utf-8")

    def hash(self, *modules: str) -> str:
        """Return the hash of modules as they are now."""
        for name in ("source_hash", "imported_modules", "_text", "_code"):
            getattr(code_hash, name).cache_clear()
        return code_hash.source_hash(*modules)


@pytest.fixture
def package(tmp_path, monkeypatch):
    monkeypatch.setattr(code_hash, "PACKAGE", tmp_path)
    yield Package(tmp_path)
    monkeypatch.undo()
    Package(tmp_path).hash("core.seeds")  # ours again, with nothing kept of the other


def test_the_hash_changes_with_a_module_that_is_reached_through_others(package):
    package.write(top="from augtrial.inner import deep\n", inner__deep="VALUE = 1\n")
    package.write(other="VALUE = 1\n")
    before = package.hash("top")
    package.write(other="VALUE = 2\n")
    assert package.hash("top") == before
    package.write(inner__deep="VALUE = 2\n")
    after = package.hash("top")
    assert after != before
    (package.folder / "inner/__init__.py").write_text("VALUE = 1\n", encoding="utf-8")
    assert package.hash("top") != after


@pytest.mark.parametrize(
    "statement",
    [
        "from augtrial.inner.deep import VALUE",
        "import augtrial.inner.deep",
        "def work():\n    from augtrial.inner import deep",
        "try:\n    import numba\nexcept ImportError:\n    from augtrial.inner import deep",
        "if TYPE_CHECKING:\n    pass\nelse:\n    from augtrial.inner import deep",
    ],
)
def test_every_way_to_import_at_run_time_is_followed(package, statement):
    package.write(top=statement, inner__deep="")
    assert "inner.deep" in reached_modules(["top"])


def test_a_module_that_does_not_exist_is_refused_by_name(package):
    package.write(top="")
    with pytest.raises(ValueError, match=r"no module 'inner\.deep'"):
        package.hash("top", "inner.deep")


def test_a_relative_import_is_refused_since_it_is_not_followed(package):
    package.write(top="from . import other\n", other="")
    with pytest.raises(ValueError, match=r"top\.py: .* in full"):
        package.hash("top")


CODE = '''
"""A module."""
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from augtrial.other import Thing


class Settings(Model):
    """A group."""

    rate: float = Field(0.1, gt=0, description="A rate.")
    """What it is."""


def work(thing: "Thing") -> int:
    """Do it."""
    # Twice.
    if thing is None:
        raise ValueError("none")
    return 2 * thing.value
'''


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"""A module."""', '"""Another text,\non two lines."""'),
        ('    """A group."""\n', ""),
        ("What it is.", "What it is not."),
        ("Do it.", "Do it well."),
        ("# Twice.", "# Two times."),
        ("2 * thing.value", "(\n        2 * thing.value  # twice\n    )"),
        ("A rate.", "A step size."),
        ("import Thing", "import Other"),
    ],
)
def test_other_words_and_another_layout_do_not_count(package, before, after):
    package.write(top=CODE, other="")
    hashed = package.hash("top")
    assert before in CODE
    package.write(top=CODE.replace(before, after))
    assert package.hash("top") == hashed


@pytest.mark.parametrize(
    ("before", "after"),
    [("2 *", "3 *"), ('"none"', '"no thing"'), ("0.1", "0.2"), ("gt=0", "ge=0")],
)
def test_all_code_counts(package, before, after):
    package.write(top=CODE, other="")
    hashed = package.hash("top")
    package.write(top=CODE.replace(before, after))
    assert package.hash("top") != hashed


def test_a_module_that_is_imported_for_its_types_alone_does_not_count(package):
    package.write(top=CODE, other="VALUE = 1\n")
    hashed = package.hash("top")
    package.write(other="VALUE = 2\n")
    assert package.hash("top") == hashed


def test_rules_stand_on_the_modules_that_their_scripts_use():
    reached = reached_modules(["jobs.synthesizers", "synthesizers.acgan"])
    assert {
        "synthesizers.shared.fold",
        "synthesizers.shared.gan_training",
        "synthesizers.shared.conditional_networks",
        "synthesizers.gan",
        "training.batches",
        "training.checkpoints",
    } <= reached
    assert "config.settings" not in reached
    assert "imaging.context" in reached_modules(["imaging.affine_augmentation"])


def test_modules_without_effect_are_there_and_not_hashed():
    assert all(code_hash._file(module) for module in code_hash.WITHOUT_EFFECT)
    reached = reached_modules(["core.io", "training.device"])
    assert "core.io" in reached
    assert "core.errors" not in reached
