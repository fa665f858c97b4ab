"""A file is there whole, or as it was before."""

import pytest

from neutral.files import write_whole, written_whole


def test_what_is_written_takes_the_place_of_what_was_there(tmp_path):
    path = tmp_path / "a.bin"
    for data in (b"old", b"new"):
        write_whole(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_fails_half_way_leaves_the_old_one_and_no_draft(tmp_path):
    path = tmp_path / "a.bin"
    write_whole(path, b"old")
    with pytest.raises(TypeError), written_whole(path) as file:
        file.writelines([b"half", "no bytes"])
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_draft_that_a_killed_process_left_goes_when_its_file_is_written_again(tmp_path):
    path, other = tmp_path / "a[0].bin", tmp_path / ".b.bin.0123abcd.part"
    (tmp_path / ".a[0].bin.0123abcd.part").write_bytes(b"half")
    other.write_bytes(b"another file's")
    write_whole(path, b"new")
    assert set(tmp_path.iterdir()) == {path, other}


def test_the_draft_of_another_writer_stays(tmp_path):
    path = tmp_path / "a.bin"
    with written_whole(path) as slow:
        slow.write(b"slow")
        write_whole(path, b"quick")
    assert path.read_bytes() == b"slow"
    assert list(tmp_path.iterdir()) == [path]
