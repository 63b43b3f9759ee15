import errno
import os
import stat

import pytest

from augtrial.core.io import atomic_write


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    path = tmp_path / "folder" / "result.csv"

    def fail() -> None:
        with atomic_write(path) as draft:
            draft.write_text("half", encoding="utf-8")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not list(path.parent.iterdir())
    with atomic_write(path) as draft:
        draft.write_text("whole", encoding="utf-8")
    assert [p.name for p in path.parent.iterdir()] == ["result.csv"]


@pytest.fixture
def calls(monkeypatch):
    """The calls of fsync and replace in their order: "file", "rename", "folder"."""
    made, fsync, replace = [], os.fsync, os.replace

    def sync(descriptor: int) -> None:
        made.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def rename(draft, path) -> None:
        made.append("rename")
        replace(draft, path)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    return made


def test_a_file_is_on_the_disk_before_it_is_renamed_and_its_folder_after(tmp_path, calls):
    with atomic_write(tmp_path / "result.csv") as draft:
        draft.write_text("whole", encoding="utf-8")
        assert calls == []
    assert calls == ["file", "rename", "folder"]


def test_a_file_that_the_disk_refuses_is_not_renamed(tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    path = tmp_path / "result.csv"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(OSError, match="No space left"), atomic_write(path) as draft:
        draft.write_text("after", encoding="utf-8")
    assert [(p.name, p.read_text(encoding="utf-8")) for p in tmp_path.iterdir()] == [
        ("result.csv", "before")
    ]


def test_a_system_that_cannot_sync_folders_writes_the_file_all_the_same(tmp_path, monkeypatch):
    fsync = os.fsync

    def refuse_folders(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse_folders)
    with atomic_write(tmp_path / "result.csv") as draft:
        draft.write_text("whole", encoding="utf-8")
    assert (tmp_path / "result.csv").read_text(encoding="utf-8") == "whole"
