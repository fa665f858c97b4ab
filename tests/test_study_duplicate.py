"""A copy of a study has what a study is, takes nothing else along, and leaves the study as it is."""

import os

import pytest

from neutral.errors import FileError
from neutral.study.duplicate import duplicate


@pytest.fixture
def study(tmp_path):
    """A folder laid out as a study, with more in it."""
    folder = tmp_path / "study"
    for name in ("counts", "masks", "other"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.safetensors").write_bytes(name.encode())
    for name in ("study.json", "results.jsonl", "notes.txt"):
        (folder / name).write_text(name)
    (tmp_path / "secret").write_text("secret")
    (folder / "README.md").symlink_to(tmp_path / "secret")
    (folder / "masks" / "b.safetensors").symlink_to(tmp_path / "secret")
    return folder


def test_a_copy_has_what_a_study_is_and_no_links(study, tmp_path):
    duplicate(study, tmp_path / "copy")
    files = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert files == {"study.json", "results.jsonl", "counts/a.safetensors", "masks/a.safetensors"}


def test_what_is_appended_to_a_copy_is_not_in_the_study(study, tmp_path):
    duplicate(study, tmp_path / "copy")
    for name in ("study.json", "results.jsonl"):
        with open(tmp_path / "copy" / name, "a") as file:
            file.write("more")
        assert (study / name).read_text() == name


def test_masks_take_no_room_twice_and_are_copied_where_that_cannot_be(study, tmp_path, monkeypatch):
    duplicate(study, tmp_path / "copy")
    assert (tmp_path / "copy" / "masks" / "a.safetensors").samefile(study / "masks" / "a.safetensors")
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("another disk")))
    duplicate(study, tmp_path / "second")
    assert (tmp_path / "second" / "masks" / "a.safetensors").read_bytes() == b"masks"


def test_what_is_there_is_never_written_over_and_no_half_copy_is_left(study, tmp_path, monkeypatch):
    (tmp_path / "copy").mkdir()
    with pytest.raises(FileError, match="is there already"):
        duplicate(study, tmp_path / "copy")
    with pytest.raises(FileError, match="is no study"):
        duplicate(tmp_path / "copy", tmp_path / "other")
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr("shutil.copyfile", lambda *_: (_ for _ in ()).throw(ValueError("in the middle")))
    with pytest.raises(ValueError, match="in the middle"):
        duplicate(study, tmp_path / "new")
    assert sorted(tmp_path.iterdir()) == before
