"""Files and folders appear whole or not at all."""

import pytest
from conftest import left_in

from ddsp_course import files, units


def test_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "a.wav"
    path.write_text("old")
    with files.whole_file(path) as part:
        part.write_text("new")
        assert path.read_text() == "old"
        assert part.suffix == ".wav"
    assert path.read_text() == "new"
    assert left_in(tmp_path) == ["a.wav"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_error_leaves_the_file_as_it_was(error, tmp_path):
    path = tmp_path / "a.wav"
    path.write_text("old")
    with pytest.raises(error), files.whole_file(path) as part:
        part.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert left_in(tmp_path) == ["a.wav"]


def test_name_may_be_as_long_as_the_system_allows(tmp_path):
    path = tmp_path / ("a" * 251 + ".wav")
    with files.whole_file(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"


def test_folder_replaces_an_older_one_whole(tmp_path):
    path = tmp_path / "new" / "folder"
    for content in ("old", "new"):
        with files.whole_folder(path) as part:
            (part / content).touch()
    assert left_in(path) == ["new"]
    assert left_in(path.parent) == ["folder"]


@pytest.mark.parametrize("before", [True, False])
def test_error_leaves_the_folder_as_it_was(before, tmp_path):
    path = tmp_path / "folder"
    if before:
        path.mkdir()
        (path / "old").touch()
    with pytest.raises(OSError, match="full"), files.whole_folder(path) as part:
        (part / "half").touch()
        raise OSError("full")
    assert left_in(tmp_path) == (["folder"] if before else [])
    assert not before or left_in(path) == ["old"]


def test_midi_and_hertz_are_each_other_s_inverse():
    assert units.midi_to_hz([69, 81, 57]).tolist() == [440, 880, 220]
    assert units.hz_to_midi([440, 880, 220]).tolist() == [69, 81, 57]
    # No pitch is no error.
    assert units.hz_to_midi(0) < -100
