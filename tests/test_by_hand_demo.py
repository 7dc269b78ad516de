"""What notebook 00_demo writes out by hand is what ddsp and the course compute."""

import numpy as np
import pytest

from ddsp_course import conditioning

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
def test_register(curves, mean_pitch, written_out):
    _, to_register = written_out(NOTEBOOK, "midi", "to_register")
    ours = to_register(curves["f0_hz"], curves["notes"], mean_pitch)
    theirs = conditioning.shift_register(curves["f0_hz"], curves["notes"], mean_pitch)
    np.testing.assert_allclose(ours, theirs, rtol=FLOAT32)


def test_loudness(curves, written_out):
    (match,) = written_out(NOTEBOOK, "match")
    loudness_db, notes = curves["loudness_db"].copy(), curves["notes"]
    loudness_db[100:160] = loudness_db[100]  # equal levels share the middle of their ranks
    quantiles_db = np.sort(np.random.default_rng(3).uniform(-80, 10, 1000))
    ours = match(loudness_db, notes, quantiles_db)
    theirs = conditioning.match_loudness(loudness_db, notes, quantiles_db)
    np.testing.assert_allclose(ours, theirs, atol=80 * FLOAT32)


def test_quiet(curves, written_out):
    from ddsp_course import features

    find_notes, quieten = written_out(NOTEBOOK, "find_notes", "quieten")
    loudness_db = curves["loudness_db"]
    heard = features.Features(
        np.zeros(64 * len(loudness_db), np.float32),
        curves["f0_hz"],
        curves["confidence"],
        loudness_db,
    )
    theirs = conditioning.adjust(heard, None, quiet=30)
    _, nearness = find_notes(loudness_db, curves["confidence"])
    ours = np.maximum(quieten(loudness_db, theirs.note_mask, nearness, 30), -80)
    np.testing.assert_allclose(ours, theirs.loudness_db, atol=80 * FLOAT32)


@pytest.mark.parametrize("amount", [0.2, 1.0])
def test_autotune(curves, amount, written_out):
    _, tune = written_out(NOTEBOOK, "midi", "tune")
    f0_hz, confidence, notes = curves["f0_hz"], curves["confidence"], curves["notes"]
    ours = tune(f0_hz, confidence, notes, amount)
    theirs = conditioning.pull_to_semitones(f0_hz, confidence, notes, amount)
    np.testing.assert_allclose(ours, theirs, rtol=FLOAT32)
    assert np.abs(ours / f0_hz - 1).max() > 0.005
