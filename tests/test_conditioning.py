"""Conditioning: each step does what it says, and a lower loudness makes a softer sound."""

import dataclasses

import numpy as np
import pytest

from ddsp_course import conditioning
from ddsp_course.instruments import Statistics
from ddsp_course.units import midi_to_hz

MASK = np.ones(500, bool)
SURE = np.ones(500, np.float32)


def hz(midi):
    return midi_to_hz(midi).astype(np.float32)


@pytest.fixture
def statistics():
    return Statistics(74.0, -30.0, -15.0, np.linspace(-40, -10, 100))


@pytest.mark.tensorflow
def test_notes_are_found_and_the_pause_between_them_is_not():
    loudness = np.full(600, -30, np.float32)
    sure = np.full(600, 0.95, np.float32)
    loudness[200:400], sure[200:400] = -75, 0.05
    mask, ratio = conditioning.detect_notes(loudness, sure)
    assert mask[50:150].all() and mask[450:550].all() and not mask[250:350].any()
    assert ratio.min() >= 0 and ratio.max() <= 1


@pytest.mark.parametrize(("midi", "octaves"), [(50, 2), (62, 1), (69, 0), (74, 0), (98, -2)])
def test_register_moves_by_the_nearest_whole_octave(midi, octaves):
    moved = conditioning.shift_register(hz(np.full(500, midi)), MASK, mean_pitch=74)
    np.testing.assert_allclose(moved, hz(midi + 12 * octaves), rtol=1e-5)


def test_matched_loudness_has_the_instruments_quantiles():
    rng = np.random.default_rng(0)
    loudness = rng.normal(-50, 3, 5000).astype(np.float32)
    mask = np.ones(5000, bool)
    mask[4000:] = False
    wanted = np.sort(rng.normal(-25, 6, 1000))
    matched = conditioning.match_loudness(loudness, mask, wanted)
    # 4000 frames against 1000 quantiles, and in the tails a decibel may not become four.
    for q in (0.05, 0.5, 0.95):
        assert np.quantile(matched[mask], q) == pytest.approx(np.quantile(wanted, q), abs=0.3)
    order = np.argsort(loudness[mask])
    assert (np.diff(matched[mask][order]) >= 0).all()
    shift = (matched - loudness)[~mask]
    assert np.ptp(shift) < 1e-3 and shift[0] == pytest.approx(25, abs=1)


@pytest.mark.parametrize("ripple_db", [0.0001, 0.01, 0.2])
def test_ripple_of_a_steady_tone_stays_a_ripple(ripple_db):
    rng = np.random.default_rng(2)
    steady = -20 + ripple_db * rng.uniform(-1, 1, 2000)
    fade = np.linspace(-60, -20, 100)
    for loudness in (steady, np.r_[fade, steady, fade[::-1]]):
        mask = np.ones(len(loudness), bool)
        matched = conditioning.match_loudness(loudness, mask, np.linspace(-60, 0, 1000))
        middle = matched[len(loudness) // 2 - 900 : len(loudness) // 2 + 900]
        assert np.ptp(middle) <= conditioning.STEEPEST * 2 * ripple_db + 1e-4  # float32
        # Half the frames lie below the median, wherever fades lie.
        assert np.median(matched) == pytest.approx(-30, abs=0.5 + 3 * ripple_db)


def test_notes_of_an_organ_keep_their_levels():
    levels = np.repeat([-18.5, -20.0, -19.0, -21.5], 250)
    mask = np.ones(1000, bool)
    matched = conditioning.match_loudness(levels, mask, np.linspace(-60, 0, 1000))
    assert np.ptp(matched) <= 3 * 3 + 1e-3
    assert (np.diff(matched[::250]) * np.diff(levels[::250]) > 0).all()


def test_steady_loudness_becomes_the_median():
    matched = conditioning.match_loudness(np.full(500, -50.0), MASK, np.linspace(-40, -10, 100))
    np.testing.assert_allclose(matched, -25, atol=0.1)


@pytest.mark.parametrize(("amount", "left"), [(0.0, 0.2), (0.5, 0.1), (1.0, 0.0)])
def test_autotune_pulls_by_its_amount(amount, left):
    midi = np.repeat([60, 64, 67, 72, 60], 100) + np.tile([0.2, -0.2], 250)
    mask = MASK.copy()
    mask[400:] = False
    pulled = conditioning.pull_to_semitones(hz(midi), SURE, mask, amount)
    cents = 12 * np.log2(pulled / hz(np.repeat([60, 64, 67, 72, 60], 100)))
    np.testing.assert_allclose(np.abs(cents[:400]), left, atol=1e-3)
    np.testing.assert_allclose(np.abs(cents[400:]), 0.2, atol=1e-3)


@pytest.mark.parametrize("offset", [-0.4, 0.0, 0.25, 0.49])
def test_autotune_keeps_the_players_own_tuning(offset):
    midi = np.repeat([60, 64, 67, 72, 60], 100) + offset
    assert conditioning.tuning(hz(midi), SURE, MASK) == pytest.approx(offset, abs=1e-3)
    np.testing.assert_allclose(
        conditioning.pull_to_semitones(hz(midi), SURE, MASK), hz(midi), rtol=1e-4
    )


def test_shifts_are_octaves_and_decibels(heard, statistics):
    plain = conditioning.adjust(heard, statistics, quiet=0)
    moved = conditioning.adjust(heard, statistics, quiet=0, pitch_shift=-1, loudness_shift=-6)
    np.testing.assert_allclose(moved.f0_hz * 2, plain.f0_hz, rtol=1e-5)
    above = plain.loudness_db > -70
    np.testing.assert_allclose(moved.loudness_db[above] + 6, plain.loudness_db[above], atol=1e-4)


def test_quiet_turns_down_what_is_no_note(heard, statistics):
    plain = conditioning.adjust(heard, statistics, quiet=0)
    quiet = conditioning.adjust(heard, statistics, quiet=30)
    mask = plain.note_mask
    np.testing.assert_array_equal(quiet.loudness_db[mask], plain.loudness_db[mask])
    off = ~mask & (plain.loudness_db > -50)
    assert (quiet.loudness_db[off] < plain.loudness_db[off]).all() and off.any()


def test_recording_is_left_as_it_was(heard, statistics):
    before = dataclasses.replace(
        heard, f0_hz=heard.f0_hz.copy(), loudness_db=heard.loudness_db.copy()
    )
    conditioning.adjust(heard, statistics, autotune=1, pitch_shift=1, loudness_shift=-12)
    np.testing.assert_array_equal(heard.f0_hz, before.f0_hz)
    np.testing.assert_array_equal(heard.loudness_db, before.loudness_db)


def test_without_statistics_or_notes_only_the_shifts_are_made(heard, statistics):
    moved = conditioning.adjust(heard, None, pitch_shift=1, quiet=0)
    np.testing.assert_allclose(moved.f0_hz, 2 * heard.f0_hz, rtol=1e-5)
    unsure = dataclasses.replace(heard, f0_confidence=np.zeros_like(heard.f0_confidence))
    with pytest.warns(UserWarning, match="note_threshold"):
        moved = conditioning.adjust(unsure, statistics, loudness_shift=-3)
    assert not moved.note_mask.any()
    np.testing.assert_array_equal(moved.f0_hz, heard.f0_hz)


def test_loudness_stays_above_the_floor(heard, statistics):
    softest = conditioning.adjust(heard, statistics, loudness_shift=-500)
    np.testing.assert_array_equal(softest.loudness_db, -80)
