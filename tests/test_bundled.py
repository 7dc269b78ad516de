"""What ships: the four instruments of the video and the pitch tracker, and what is said of them."""

import json
import re

import numpy as np
import pytest
from conftest import ROOT

from ddsp_course import crepe, features, instruments
from ddsp_course._tensorflow import tf
from ddsp_course.units import midi_to_hz

FOLDERS = sorted(path.parent for path in (ROOT / "assets" / "instruments").glob("*/*.gin"))
NAMES = [folder.name for folder in FOLDERS]
# A note in the middle of each register, as MIDI.
NOTES = {"flute": 79, "tenor_saxophone": 58, "trumpet": 69, "violin": 74}


@pytest.fixture(scope="module", params=NAMES)
def instrument(request):
    return instruments.load(request.param)


def three_notes(midi):
    """Return features of three notes, soft to loud, with rests before, between and after."""
    loudness_db = np.full(5 * 250, -80.0, np.float32)
    for i, level in enumerate((-35, -20, -8)):
        start = 250 + 350 * i
        loudness_db[start : start + 200] = level
    f0_hz = np.full(len(loudness_db), midi_to_hz(midi), np.float32)
    audio = np.zeros(64 * len(loudness_db), np.float32)
    return features.Features(audio, f0_hz, np.ones_like(f0_hz), loudness_db)


def test_the_four_of_the_video_are_there():
    assert NAMES == sorted(NOTES)


@pytest.mark.tensorflow
@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_instrument_is_small_and_holds_weights_alone(folder):
    assert sum(path.stat().st_size for path in folder.iterdir()) < 6e6
    (index,) = folder.glob("ckpt-*.index")
    names = [name for name, _ in tf.train.list_variables(str(index.with_suffix("")))]
    assert not any("optimizer" in name or "OPTIMIZER_SLOT" in name for name in names)


@pytest.mark.tensorflow
def test_instrument_is_in_tune_and_silent_in_rests(instrument):
    midi = NOTES[instrument.name]
    heard = three_notes(midi)
    harmonic, noise, _ = instrument.play_parts(heard)  # a room would ring on in the rests
    played = harmonic + noise
    f0_hz, _ = crepe.to_f0(crepe.activation(played, crepe.load()))
    for i in range(3):
        note = slice(250 + 350 * i + 50, 250 + 350 * i + 150)
        cents = 1200 * np.log2(f0_hz[note] / heard.f0_hz[note])
        # A quarter of a semitone: what CREPE's 20-cent bins leave.
        assert abs(np.median(cents)) < 25
    level = np.sqrt((played.reshape(-1, 64).astype(np.float64) ** 2).mean(axis=1))
    # From a quarter of a second after each note: below the last bit of 16, a 32768th.
    for i in range(3):
        rest = slice(250 + 350 * i + 200 + 62, 250 + 350 * i + 345)
        assert level[rest].max() < 2**-15


@pytest.mark.tensorflow
def test_louder_is_louder(instrument):
    played = instrument.play(three_notes(NOTES[instrument.name])).reshape(-1, 64)
    levels = [
        10 * np.log10((played[start : start + 100] ** 2).mean())
        for start in (300 + 350 * i for i in range(3))
    ]
    # 15 and 12 dB were asked for, in A-weighted loudness, and timbre changes with it.
    assert levels[1] - levels[0] > 8
    assert levels[2] - levels[1] > 6


@pytest.mark.parametrize("folder", FOLDERS, ids=NAMES)
def test_scores_in_the_readme_are_the_instruments(folder):
    """assets/README.md repeats each scores.json."""
    text = (ROOT / "assets" / "README.md").read_text("utf-8")
    scores = json.loads((folder / "scores.json").read_text("utf-8"))
    row = re.search(rf"^\| {folder.name} \|(.*)\|$", text, re.MULTILINE)
    shown = [None if cell.strip() == "–" else float(cell) for cell in row[1].split("|")]
    keys = (
        "spectral_loss",
        "loudness_l1_db",
        "f0_l1",
        "f0_l1_of_recordings",
        "f0_outliers",
        "f0_off",
        "rest_peak_db",
    )
    assert shown == [scores.get(key) for key in keys]


def test_pitch_tracker_is_small():
    assert (ROOT / "assets" / "crepe" / "course.h5").stat().st_size < 2e6


@pytest.mark.parametrize("table", ["assets/crepe/scores.md", "benchmarks/against_magenta.md"])
def test_measured_table_is_the_readmes(table):
    text = (ROOT / "assets" / "README.md").read_text("utf-8")
    assert (ROOT / table).read_text("utf-8").strip() in text
