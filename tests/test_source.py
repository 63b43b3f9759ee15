from augtrial import source


def test_the_hash_changes_with_a_module_that_is_reached_through_others(tmp_path, monkeypatch):
    package = tmp_path / "augtrial"
    (package / "inner").mkdir(parents=True)
    (package / "top.py").write_text("from augtrial.inner import deep\n", encoding="utf-8")
    (package / "inner" / "__init__.py").write_text("", encoding="utf-8")
    (package / "inner" / "deep.py").write_text("VALUE = 1\n", encoding="utf-8")
    (package / "other.py").write_text("VALUE = 1\n", encoding="utf-8")
    monkeypatch.setattr(source, "PACKAGE", package)

    def now() -> str:
        source.source_hash.cache_clear()
        source._imports.cache_clear()
        return source.source_hash("top")

    before = now()
    (package / "other.py").write_text("VALUE = 2\n", encoding="utf-8")
    assert now() == before
    (package / "inner" / "deep.py").write_text("VALUE = 2\n", encoding="utf-8")
    assert now() != before


def test_rules_stand_on_the_modules_that_their_scripts_use():
    reached = {path.name for path in source._reached(("synthesizers.units",))}
    assert {
        "units.py",
        "adversarial.py",
        "dcgan.py",
        "acgan.py",
        "batches.py",
        "checkpoints.py",
    } <= reached
    assert "settings.py" not in reached
    assert "roi.py" in {path.name for path in source._reached(("classic",))}
