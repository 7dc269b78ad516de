"""What notebook 00_demo writes out by hand is what ddsp and the course compute."""

import sys
import types

import numpy as np
import pytest

from ddsp_course import conditioning
from ddsp_course.exercises import demo

NOTEBOOK = "00_demo"
SEEDS = [1, 2]
# float32 keeps seven digits, and the course returns its curves in it.
FLOAT32 = 1e-5


@pytest.fixture(params=SEEDS)
def curves(request):
    """Pitch, confidence and loudness of a drawn melody with rests, and where its notes are."""
    random = np.random.default_rng(request.param)
    n = 1200
    sounds = np.repeat(random.random(24) < 0.7, 50)
    midi = np.repeat(random.uniform(40, 90, 24), 50) + random.normal(0, 0.2, n)
    loudness_db = np.where(sounds, random.uniform(-30, 10, n), random.uniform(-80, -60, n))
    confidence = np.where(sounds, random.uniform(0.8, 1, n), random.uniform(0, 0.4, n))
    return {
        "f0_hz": (440 * 2 ** ((midi - 69) / 12)).astype(np.float32),
        "confidence": confidence.astype(np.float32),
        "loudness_db": loudness_db.astype(np.float32),
        "notes": sounds,
    }


@pytest.mark.parametrize("threshold", [0.5, 1.0, 1.9])
def test_notes(curves, threshold, written_out, ddsp):
    (find_notes,) = written_out(NOTEBOOK, "find_notes")
    loudness_db, confidence = curves["loudness_db"], curves["confidence"]
    mask, nearness = find_notes(loudness_db, confidence, threshold)
    their_mask, their_ratio = ddsp.training.postprocessing.detect_notes(
        loudness_db[None], confidence[None], threshold
    )
    # ddsp adds up 40 frames in float32, another order of the same sum.
    np.testing.assert_allclose(nearness, np.clip(their_ratio[0], 0, 1), atol=FLOAT32)
    sure = np.abs(their_ratio[0] - threshold) > FLOAT32
    assert 0 < mask.sum() < len(mask)
    np.testing.assert_array_equal(mask[sure], their_mask[0][sure])


@pytest.mark.parametrize("mean_pitch", [41.0, 59.76, 75.9, 100.0])
def test_register_of_the_exercise_is_the_course_s(curves, mean_pitch):
    f0_hz, notes = curves["f0_hz"], curves["notes"]
    ours = f0_hz * 2.0 ** np.round(demo._distance(f0_hz[notes], mean_pitch))
    theirs = conditioning.shift_register(f0_hz, notes, mean_pitch)
    np.testing.assert_allclose(ours, theirs, rtol=FLOAT32)


@pytest.mark.parametrize(
    ("distance", "octaves"), [(0.47, 1), (-0.87, 0), (1.4, 2), (1.85, 1), (2.0, 2)]
)
def test_magentas_octaves_go_up_and_above_one_and_a_half_down(distance, octaves, written_out):
    (magentas_octaves,) = written_out(NOTEBOOK, "magentas_octaves")
    assert magentas_octaves(distance) == octaves


def test_magentas_loudness_is_what_ddsp_computes(curves, written_out, ddsp):
    (by_ranks,) = written_out(NOTEBOOK, "by_ranks")
    postprocessing = ddsp.training.postprocessing
    loudness_db, notes = curves["loudness_db"].astype(float), curves["notes"]
    loudness_db[100:160] = -10.0  # ties; of the extremes, ddsp takes the ends of the ranks
    training_db = np.random.default_rng(3).uniform(-80, 10, 5000)
    fitted = postprocessing.fit_quantile_transform(training_db, np.ones(5000, bool))
    _, theirs = postprocessing.fit_quantile_transform(loudness_db, notes, fitted)
    ours = by_ranks(loudness_db, notes, fitted.quantiles_[:, 0])
    np.testing.assert_allclose(ours, theirs[:, 0], atol=80 * FLOAT32)
    np.testing.assert_array_equal(ours[~notes], loudness_db[~notes])


def test_loudness(curves, written_out):
    (match,) = written_out(NOTEBOOK, "match")
    loudness_db, notes = curves["loudness_db"].copy(), curves["notes"]
    loudness_db[100:160] = loudness_db[100]  # equal levels share the middle of their ranks
    quantiles_db = np.sort(np.random.default_rng(3).uniform(-80, 10, 1000))
    ours = match(loudness_db, notes, quantiles_db)
    theirs = conditioning.match_loudness(loudness_db, notes, quantiles_db)
    np.testing.assert_allclose(ours, theirs, atol=80 * FLOAT32)


def test_quiet_of_the_exercise_is_the_course_s(curves, written_out):
    from ddsp_course import features

    (find_notes,) = written_out(NOTEBOOK, "find_notes")
    loudness_db = curves["loudness_db"]
    heard = features.Features(
        np.zeros(64 * len(loudness_db), np.float32),
        curves["f0_hz"],
        curves["confidence"],
        loudness_db,
    )
    theirs = conditioning.adjust(heard, None, quiet=30)
    _, nearness = find_notes(loudness_db, curves["confidence"])
    ours = demo._quieten(loudness_db, theirs.note_mask, nearness, 30)
    np.testing.assert_allclose(ours, theirs.loudness_db, atol=80 * FLOAT32)


@pytest.mark.parametrize("amount", [0.2, 1.0])
def test_autotune(curves, amount, written_out):
    _, tune = written_out(NOTEBOOK, "midi", "tune")
    f0_hz, confidence, notes = curves["f0_hz"], curves["confidence"], curves["notes"]
    ours = tune(f0_hz, confidence, notes, amount)
    theirs = conditioning.pull_to_semitones(f0_hz, confidence, notes, amount)
    np.testing.assert_allclose(ours, theirs, rtol=FLOAT32)
    assert np.abs(ours / f0_hz - 1).max() > 0.005


@pytest.mark.parametrize("amount", [0.3, 1.0])
def test_magentas_autotune_is_what_ddsp_computes(curves, amount, written_out, monkeypatch, capsys):
    _, magentas_tune = written_out(NOTEBOOK, "midi", "magentas_tune")
    # ddsp.colab.colab_utils runs in Colab only.
    colab = types.ModuleType("google.colab")
    colab.files, colab.output = types.SimpleNamespace(download=None), None
    monkeypatch.setitem(sys.modules, "google.colab", colab)
    from ddsp.colab import colab_utils

    f0_hz, notes = curves["f0_hz"].astype(float), curves["notes"]
    midi = 69 + 12 * np.log2(f0_hz / 440)
    theirs = colab_utils.auto_tune(midi, 0.3, notes, amount)  # the tuning is not used
    ours = magentas_tune(f0_hz, notes, amount)
    np.testing.assert_allclose(ours, 440 * 2 ** ((theirs - 69) / 12), rtol=FLOAT32)
