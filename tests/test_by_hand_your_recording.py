"""What notebook 01_your_recording writes out by hand removes what it should and leaves the rest."""

import numpy as np
import pytest
from scipy import ndimage, signal

from ddsp_course import features, listening
from ddsp_course.training import made_up

NOTEBOOK = "01_your_recording"
TIME = np.arange(4 * 16000) / 16000


@pytest.fixture
def by_hand(written_out):
    """A way to have one of the notebook's functions, with what the notebook has imported."""

    def function(name):
        (found,) = written_out(NOTEBOOK, name)
        found.__globals__.update(
            signal=signal, ndimage=ndimage, listening=listening, sample_rate=16000
        )
        return found

    return function


def sine(hz):
    return np.sin(2 * np.pi * hz * TIME)


def left_db(sound):
    """The level of a filtered sine, in dB relative to before, away from both ends."""
    return 10 * np.log10(2 * np.mean(sound[16000:-16000] ** 2) + 1e-20)


def test_high_pass_removes_rumble_and_leaves_notes_undelayed(by_hand):
    high_pass = by_hand("high_pass")
    assert left_db(high_pass(sine(25), 60)) < -40
    # Two passes of 3 dB at the cutoff; an octave above there is next to nothing.
    np.testing.assert_allclose(
        high_pass(sine(440), 60)[16000:-16000], sine(440)[16000:-16000], atol=1e-3
    )


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_notches_remove_the_hum_and_hardly_touch_a_note(mains_hz, by_hand):
    without_hum = by_hand("without_hum")
    hum = made_up.hum(len(TIME), -20, mains_hz)
    assert left_db(without_hum(hum, mains_hz)) < left_db(hum) - 30
    # 437 Hz is 13 Hz or more from every notch.
    assert left_db(without_hum(sine(437), mains_hz)) > -0.2


def test_subtraction_makes_rests_softer_and_leaves_a_loud_note(by_hand):
    without_noise = by_hand("without_noise")
    is_note = (TIME > 1) & (TIME < 3)
    noise = 0.002 * np.random.default_rng(0).normal(size=len(TIME))
    cleaned = without_noise(0.3 * is_note * sine(330) + noise, is_note)
    assert len(cleaned) == len(TIME)
    rest, note = slice(4000, 12000), slice(24000, 40000)
    assert np.std(cleaned[rest]) < 0.35 * np.std(noise[rest])
    # The gain is smoothed over five bins, which costs a single line a quarter of a decibel.
    assert np.std(cleaned[note]) == pytest.approx(0.3 / np.sqrt(2), rel=0.04)


def test_muting_leaves_notes_as_they_are_and_rests_silent(by_hand):
    mute_rests = by_hand("mute_rests")
    is_note = (TIME > 1) & (TIME < 3)
    muted = mute_rests(sine(330), is_note)
    np.testing.assert_allclose(muted[16400:47600], sine(330)[16400:47600], atol=1e-9)
    assert np.abs(muted[:15600]).max() < 1e-9
    assert np.abs(np.diff(muted)).max() <= np.abs(np.diff(sine(330))).max() + 0.01  # no click


def test_chords_are_cut_out_with_their_neighbours_and_single_notes_stay(by_hand, capsys):
    without_chords = by_hand("without_chords")
    one = [(0.1, 3.9, 50, 0)]
    three = [(4.1, 5.9, pitch, 0) for pitch in (50, 54, 57)]
    sound = made_up.guitar(one + three + [(6.1, 8.9, 52, 0)], 9)
    frames = len(sound) // 64
    f0_hz = np.full(frames, 146.83, np.float32)
    f0_hz[6 * 250 :] = 164.81
    heard = features.Features(sound, f0_hz, np.ones(frames), np.zeros(frames))
    kept = without_chords(sound, heard)
    assert len(kept) == len(sound) - 4 * 16000  # 4 and 5, and one to each side
    judged, several = listening.several_notes(
        kept, np.full(len(kept) // 64, 146.83), np.ones(len(kept) // 64)
    )
    assert several[:70].sum() == 0 and judged.any()
