"""Notebook 00_train takes any folder of recordings, and makes a new dataset when it has changed."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import ROOT

import ddsp_course
from ddsp_course import audio
from ddsp_course.training import data

NOTEBOOK = ROOT / "notebooks" / "03_train_your_own" / "00_train.ipynb"


@pytest.fixture
def run_cell(tmp_path, monkeypatch):
    """A way to run the one code cell that holds a text, with a folder in place of the clarinet's."""
    room = {"ddsp_course": ddsp_course, "audio": audio, "data": data, "np": np, "Path": Path}
    monkeypatch.chdir(tmp_path)

    def run(text, folder):
        cells = nbformat.read(NOTEBOOK, as_version=4).cells
        (source,) = (one.source for one in cells if one.cell_type == "code" and text in one.source)
        exec(re.sub(r"(?m)^recordings = .+$", f"recordings = Path({str(folder)!r})", source), room)  # noqa: S102
        return room

    return run


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "cello"
    (made / "more").mkdir(parents=True)
    tone = 0.5 * np.sin(2 * np.pi * 220 * np.arange(48000) / 16000)
    for name in ("first.wav", "second.MP3", "more/first.flac"):
        audio.write(made / name, tone)
    (made / "notes.txt").write_text("Tuesday, cello")
    return made


@pytest.fixture
def prepared(monkeypatch):
    """The folders that datasets are made from, without the work of making them."""
    made = []

    def prepare(recordings, dataset, progress):
        made.append(recordings)
        dataset.mkdir(parents=True)

    monkeypatch.setattr(data, "prepare_recordings", prepare)
    return made


def test_any_folder_is_listed_and_one_recording_held_out(run_cell, folder, capsys):
    room = run_cell("sounds = [", folder)
    assert [path.name for path in room["paths"]] == ["first.wav", "first.flac", "second.MP3"]
    assert re.search(r"\b9\.0 s$", capsys.readouterr().out, re.MULTILINE)
    (unheard,) = data.held_out_chunks(room["sounds"])
    assert len(unheard) > 40000


def test_dataset_is_made_once_and_its_folder_is_named_after_the_recordings(
    run_cell, folder, prepared
):
    for _ in range(2):
        run_cell("sounds = [", folder)
        work = run_cell("def fingerprint", folder)["work"]
    assert work.parent == Path("my_cello")
    assert prepared == [folder]


def add(folder):
    audio.write(folder / "third.wav", np.ones(16000) / 2)


def record_again(folder):
    """Another take of the same length has the same name and size."""
    size = (folder / "first.wav").stat().st_size
    audio.write(folder / "first.wav", 0.5 * np.cos(2 * np.pi * 330 * np.arange(48000) / 16000))
    assert (folder / "first.wav").stat().st_size == size


def rename(folder):
    (folder / "first.wav").rename(folder / "zeroth.wav")


def remove(folder):
    (folder / "second.MP3").unlink()


@pytest.mark.parametrize("change", [add, record_again, rename, remove])
def test_changed_folder_gets_a_dataset_and_a_run_of_its_own(run_cell, folder, prepared, change):
    run_cell("sounds = [", folder)
    old = run_cell("def fingerprint", folder)["work"]
    change(folder)
    # The cell notices even if the one that lists the recordings is not run again.
    room = run_cell("def fingerprint", folder)
    assert room["work"] != old and room["dataset"].parent == room["work"]
    assert prepared == [folder, folder]


def test_name_that_is_no_text_and_a_relative_path_will_do(run_cell, folder, prepared, monkeypatch):
    monkeypatch.chdir(folder)
    run_cell("sounds = [", ".")
    (folder / "first.wav").rename(folder / "caf\udce9.wav")  # Latin-1
    assert run_cell("def fingerprint", ".")["work"].parent == Path("my_cello")
