"""Made-up takes: notes at their pitch and time, the same for the same seed, faults as asked for."""

import numpy as np
import pytest

from ddsp_course.exercises import hints
from ddsp_course.training import made_up
from ddsp_course.units import SAMPLE_RATE, midi_to_hz


def level_db(sound):
    return 10 * np.log10(np.mean(np.square(sound)) + 1e-20)


@pytest.mark.parametrize("seed", [0, 1, 20])
def test_melody_stays_in_its_range_and_no_two_notes_sound_at_once(seed):
    notes = made_up.melody(45, 69, 18, seed)
    starts, ends, pitches, levels = np.array(notes).T
    assert len(notes) > 10 and pitches.min() >= 45 and pitches.max() <= 69
    assert set((pitches - 45) % 12) <= set(made_up.MAJOR)
    assert (starts[1:] >= ends[:-1] - 1e-9).all() and ends[-1] <= 17.5
    assert levels.min() >= -24 and levels.max() <= 0
    assert notes == made_up.melody(45, 69, 18, seed)
    assert notes != made_up.melody(45, 69, 18, seed + 1)


@pytest.mark.parametrize(
    ("play", "pitch", "cents"),
    # A string's period is a whole number of samples at 48 kHz.
    [(made_up.guitar, 40, 8), (made_up.guitar, 64, 8), (made_up.voice, 48, 3)],
)
def test_note_has_its_pitch_and_a_peak_of_0_7(play, pitch, cents):
    sound = play([(0.5, 1.5, pitch, 0)], 2)
    assert len(sound) == 2 * SAMPLE_RATE and np.abs(sound).max() == pytest.approx(0.7)
    assert level_db(sound[:7900]) < -100 and level_db(sound[-6000:]) < -100
    # Before a voice's vibrato begins.
    heard = hints.pitch_hz(sound[9000:11200])
    assert abs(1200 * np.log2(heard / midi_to_hz(pitch))) < cents


def test_whistle_ends_on_its_pitch_after_it_came_from_below():
    sound = made_up.whistle([(0, 2, 84, 0)], 2.2)
    magnitude = np.abs(np.fft.rfft(sound[8000:24000] * np.hanning(16000)))  # 1 Hz to a bin
    # A vibrato of 0.2 semitones to both sides.
    assert magnitude.argmax() == pytest.approx(midi_to_hz(84), rel=0.013)


def test_second_note_that_is_12_db_softer_is():
    first, second = (
        made_up.guitar([(0, 0.9, 50, 0), (1, 1.9, 50, level)], 2)[16000:30000] for level in (0, -12)
    )
    assert level_db(first) - level_db(second) == pytest.approx(12, abs=0.01)


def test_vowels_follow_each_other_and_differ():
    notes = [(i, i + 0.9, 48, 0) for i in range(3)]
    sung = made_up.voice(notes, 3, "ai")
    a, i, again = (
        np.abs(np.fft.rfft(sung[16000 * k + 2000 : 16000 * k + 10000])) for k in range(3)
    )

    def share_above_1500_hz(magnitude):
        return np.sum(magnitude[750:] ** 2) / np.sum(magnitude**2)

    # An i has its second formant at 2290 Hz, and an a has little there.
    assert share_above_1500_hz(i) > 3 * share_above_1500_hz(a)
    assert share_above_1500_hz(again) == pytest.approx(share_above_1500_hz(a), rel=0.1)  # breath


@pytest.mark.parametrize("vowel", made_up.FORMANTS_HZ)
def test_vowel_is_flat_at_the_bottom_and_has_its_formants_as_peaks(vowel):
    hz = np.arange(1.0, 4000)
    gain = made_up.vowel_gain(hz, vowel)
    assert gain[0] == pytest.approx(1, abs=1e-3)
    peaks = hz[1:-1][(gain[1:-1] > gain[:-2]) & (gain[1:-1] > gain[2:])]
    # A resonance of 270 Hz that is 80 Hz wide peaks at 264 Hz, and the others' slopes move it too.
    np.testing.assert_allclose(peaks, made_up.FORMANTS_HZ[vowel], rtol=0.03)


@pytest.mark.parametrize("mains_hz", [50, 60])
def test_hum_has_its_level_and_the_harmonics_of_the_mains(mains_hz):
    hum = made_up.hum(SAMPLE_RATE, -40, mains_hz)
    assert level_db(hum) == pytest.approx(-40, abs=1e-6)
    magnitude = np.abs(np.fft.rfft(hum))
    strongest = np.sort(np.argsort(magnitude)[-8:])
    assert strongest.tolist() == [mains_hz * k for k in range(1, 9)]


def test_room_falls_by_60_db_in_its_reverberation_time():
    click = np.zeros(SAMPLE_RATE)
    click[0] = 1.0
    room = made_up.in_a_room(click, rt60_s=0.5, wet=1, seed=1) - click
    early, late = room[800:1600], room[4800:5600]  # a quarter of a second apart: half of 0.5 s
    # Noise of 800 samples has a level within half a decibel of its mean's.
    assert level_db(early) - level_db(late) == pytest.approx(30, abs=1)
    assert np.abs(room[8000:]).max() < 1e-9
