"""Notebook 00_train takes any folder of recordings, and notices one that has changed."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from conftest import ROOT

import ddsp_course
from ddsp_course import audio
from ddsp_course.errors import TrainingError
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


def test_any_folder_is_listed_and_one_recording_held_out(run_cell, folder, capsys):
    room = run_cell("find_recordings", folder)
    assert [path.name for path in room["paths"]] == ["first.wav", "first.flac", "second.MP3"]
    assert re.search(r"\b9\.0 s$", capsys.readouterr().out, re.MULTILINE)
    (unheard,) = data.held_out_chunks(room["sounds"])
    assert len(unheard) > 40000


def test_dataset_is_named_after_the_folder_and_a_changed_folder_is_noticed(
    run_cell, folder, monkeypatch
):
    made = []

    def prepare(recordings, dataset, progress):
        made.append(recordings)
        dataset.mkdir(parents=True)

    monkeypatch.setattr(data, "prepare_recordings", prepare)
    for _ in range(2):
        run_cell("find_recordings", folder)
        assert run_cell("made_from", folder)["work"] == Path("my_cello")
    assert made == [folder]
    audio.write(folder / "third.wav", np.ones(16000) / 2)
    run_cell("find_recordings", folder)
    with pytest.raises(TrainingError, match="my_cello"):
        run_cell("made_from", folder)
