"""Listening to a recording: what is wrong with it is found, and what is right is left alone."""

import re
import warnings

import numpy as np
import pytest
from conftest import ROOT, SHARED

from ddsp_course import audio, crepe, features, listening

pytestmark = pytest.mark.tensorflow

SECOND = 16000
TUNE = (57, 59, 61, 62, 64, 66, 68, 69)


def tune(pitches=TUNE, note_s=0.4, rest_s=0.05, n_harmonics=10):
    """Notes of MIDI pitches one after the other, (n_samples,)."""
    n_note, n_rest = int(note_s * SECOND), int(rest_s * SECOND)
    time = np.arange(n_note) / SECOND
    fade = np.minimum(1, np.minimum(time, time[::-1]) / 0.03)
    notes = []
    for pitch in pitches:
        f0_hz = 440 * 2 ** ((pitch - 69) / 12)
        k = np.arange(1, n_harmonics + 1)[:, None]
        notes += [fade * (np.sin(2 * np.pi * f0_hz * k * time) / k).sum(axis=0), np.zeros(n_rest)]
    return 0.1 * np.concatenate(notes)


def in_room(sound, rt60_s, wet=1.0, seed=0):
    """The sound in a room of noise that dies away by 60 dB in rt60_s; wet 1: as strong as direct."""
    time = np.arange(int(1.2 * rt60_s * SECOND)) / SECOND
    room = np.random.default_rng(seed).standard_normal(len(time)) * 10 ** (-3 * time / rt60_s)
    room *= wet / np.sqrt((room**2).sum())
    room[0] += 1
    return np.convolve(sound, room)[: len(sound)]


def share_of_several(sound):
    pitch = crepe.pitch(sound, crepe.load())
    return listening.share_of_several(*listening.several_notes(sound, *pitch))


CHORDS = {
    "C-E-G": (0, 4, 7),
    "minor triad": (0, 3, 7),
    "fifth": (0, 7),
    "fourth": (0, 5),
    "major third": (0, 4),
    "tritone": (0, 6),
    "seventh": (0, 10),
    "open chord": (0, 7, 16),
}


@pytest.mark.parametrize("intervals", CHORDS.values(), ids=CHORDS)
def test_chords_are_several_notes(intervals):
    sound = sum(tune([root + one for root in (60, 65, 57)], 0.7) for one in intervals)
    assert share_of_several(sound) > listening.SEVERAL_SHARE


def test_a_chord_of_three_sines_is_several_notes():
    sound = sum(tune([root + one for root in (60, 65, 57)], 0.7, 0.05, 1) for one in (0, 4, 7))
    assert share_of_several(sound) > listening.SEVERAL_SHARE


def one_voice():
    time = np.arange(4 * SECOND) / SECOND
    clean, k = tune(), np.arange(1, 11)[:, None]
    rng = np.random.default_rng(0)
    hum = sum(np.sin(2 * np.pi * 50 * q * np.arange(len(clean)) / SECOND) / q for q in range(1, 8))

    def follow(midi):
        phase = 2 * np.pi * np.cumsum(440 * 2 ** ((midi - 69) / 12)) / SECOND
        return (0.1 * np.sin(k * phase) / k).sum(axis=0)

    return {
        "tune": clean,
        "fast": tune(60 + rng.integers(0, 13, 40), 0.1, 0),
        "sines": tune(n_harmonics=1),
        "vibrato": follow(62 + np.sin(2 * np.pi * 5.5 * time)),
        "wide vibrato": follow(62 + 2 * np.sin(2 * np.pi * 6.5 * time)),
        "glide": follow(57 + 6 * time),
        "octave leaps": follow(57 + 12 * (np.floor(2 * time) % 2)),
        "odd harmonics": (0.1 * np.sin(2 * np.pi * 220 * (2 * k - 1) * time) / k).sum(axis=0),
        "no fundamental": tune(n_harmonics=20) - tune(n_harmonics=3),
        "in a church": in_room(clean, 1.5, wet=0.5),
        "hum": clean + 0.04 * clean.std() * hum / hum.std(),
        "noise": clean + 0.1 * clean.std() * rng.standard_normal(len(clean)),
    }


def test_one_voice_is_not_several():
    for name, sound in one_voice().items():
        assert share_of_several(sound) < 0.25, name


@pytest.mark.parametrize("name", ["speech.ogg", "trumpet.ogg"])
def test_real_voice_and_horn_are_one_voice(name):
    path = SHARED / "recordings" / name
    if not path.exists():
        pytest.skip(f"{path} lies beside the project, not in it")
    assert share_of_several(audio.load(path)) < 0.25


def test_real_double_stops_are_found():
    path = SHARED / "recordings" / "john_garner" / "john-garner_bwv1002_mov7.mp3"
    if not path.exists():
        pytest.skip(f"{path} lies beside the project, not in it")
    # A bourrée in three and four parts.
    assert share_of_several(audio.load(path)[: 30 * SECOND]) > listening.SEVERAL_SHARE


def test_blocks_do_not_show_in_what_is_heard(monkeypatch):
    sound = tune() + tune([pitch + 4 for pitch in TUNE])
    pitch = crepe.pitch(sound, crepe.load())
    whole = listening.several_notes(sound, *pitch)
    monkeypatch.setattr(listening, "_BLOCK", 7)
    for a, b in zip(whole, listening.several_notes(sound, *pitch), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_chord_is_said_when_it_is_measured():
    chord = sum(tune([60 + one, 65 + one], 1.0) for one in (0, 4, 7))
    with pytest.warns(UserWarning, match=r"\d+%.*\bchord"):
        features.extract(chord)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        features.extract(tune([60, 65], 1.0))


def heard(pitches, repeat=1, note_s=0.4, rest_s=0.05):
    """A tune over and over, with the pitch that it has: sound, f0_hz, f0_confidence."""
    sound = np.tile(tune(pitches, note_s, rest_s), repeat)
    time = np.arange(-(-len(sound) // 64)) * 64 / SECOND
    note, within = np.divmod(time, note_s + rest_s)
    f0_hz = 440 * 2 ** ((np.array(pitches)[note.astype(int) % len(pitches)] - 69) / 12)
    return sound, f0_hz, np.where(within < note_s - 0.02, 0.9, 0.1)


def what_is_wrong(sound, *curves, **settings):
    return [one.what for one in listening.findings(sound, *curves, **settings)]


@pytest.fixture(scope="module")
def clean():
    """A tune three times, and a second of rest after each."""
    sound, f0_hz, f0_confidence = heard(TUNE)
    rest = np.full(250, f0_hz[-1])
    once = np.r_[sound, np.zeros(SECOND)], np.r_[f0_hz, rest], np.r_[f0_confidence, 0 * rest]
    return tuple(np.tile(part, 3) for part in once)


def hum_of(mains_hz, n_samples):
    phase = 2 * np.pi * mains_hz * np.arange(n_samples) / SECOND
    return sum(np.sin(k * phase + k) / k for k in range(1, 8))


def test_a_clean_recording_has_nothing_wrong(clean):
    assert what_is_wrong(*clean) == []


@pytest.mark.parametrize("mains_hz", [50, 60])
@pytest.mark.parametrize("below_db", [30, 40, 50])
def test_hum_is_found_with_its_frequency_and_level(clean, mains_hz, below_db):
    sound, *curves = clean
    hum = hum_of(mains_hz, len(sound))
    hum *= 10 ** (-below_db / 20) * sound.std() / hum.std()
    (found,) = listening.findings(sound + hum, *curves)
    assert found.what == "hum" and f"{mains_hz} Hz" in found.amount
    # The notes alone are 0.5 dB louder than the whole with its rests, and a line of seven may
    # drown in a note.
    assert abs(int(found.amount.split()[2]) - below_db) <= 4


@pytest.mark.parametrize(
    ("below_db", "is_said"), [(20, True), (30, True), (40, False), (50, False)]
)
def test_noise_is_found_in_rests(clean, below_db, is_said):
    sound, *curves = clean
    noise = np.random.default_rng(0).standard_normal(len(sound))
    wrong = what_is_wrong(sound + noise * sound.std() * 10 ** (-below_db / 20), *curves)
    assert wrong == ["noise"] * is_said


@pytest.mark.parametrize(("rt60_s", "is_said"), [(0.3, False), (0.8, True), (1.5, True)])
def test_a_room_is_found_with_its_time(rt60_s, is_said):
    sound, *curves = heard(TUNE, 3)
    found = listening.findings(in_room(sound, rt60_s), *curves)
    assert ["echo"] * is_said == [one.what for one in found]
    if is_said:
        seconds = float(found[0].amount.split()[3])
        # From 0.24 s of decay: a third more or less.
        assert 0.66 * rt60_s < seconds < 1.5 * rt60_s


def plucked(ring_s, pitches=(45, 47, 49, 50, 52, 54, 56, 57, 56, 54, 52, 50, 49, 47, 45)):
    """A guitar by Karplus and Strong; each string rings for ring_s, the next comes after 0.5 s."""
    from scipy.signal import lfilter

    sound, rng = np.zeros(8 * SECOND), np.random.default_rng(0)
    for i, pitch in enumerate(pitches):
        period = round(SECOND / (440 * 2 ** ((pitch - 69) / 12)))
        pick = np.zeros(len(sound) - i * SECOND // 2)
        pick[:period] = rng.uniform(-0.1, 0.1, period)
        string = lfilter([1], [1, *np.zeros(period - 1), -0.498, -0.498], pick)
        after = np.maximum(0, np.arange(len(string)) / SECOND - ring_s)
        sound[len(sound) - len(string) :] += string * np.exp(-after / 0.02)
    return sound


def test_strings_that_ring_on_are_told_from_damped_ones():
    damped, ringing = (
        what_is_wrong(sound, *crepe.pitch(sound, crepe.load()))
        for sound in (plucked(0.48), plucked(1.0))
    )
    assert damped == []
    assert "echo" in ringing


@pytest.mark.parametrize("down_db", [6, 12])
def test_clipping_is_found_below_full_scale(clean, down_db):
    sound, *curves = clean
    limit = np.abs(sound).max() * 10 ** (-down_db / 20)
    assert what_is_wrong(np.clip(sound, -limit, limit), *curves) == ["clipping"]


def test_clipping_of_one_half_of_the_wave_is_found():
    time = np.arange(SECOND * 3) / 48000
    sound = np.sin(2 * np.pi * 220 * time) * (1 + 0.3 * np.sin(2 * np.pi * 3 * time))
    assert listening.clipped_share(np.minimum(sound, 0.9)) > 0.1
    assert listening.clipped_share(np.maximum(sound, -0.9)) > 0.1
    assert listening.clipped_share(sound) == 0


def test_chords_in_the_third_of_five_minutes_are_placed():
    sound, *curves = heard(TUNE, 84)
    second, *_ = heard([pitch + 4 for pitch in TUNE], 84)
    part = slice(180 * SECOND, 200 * SECOND)
    sound[part] = 0.3 * (sound[part] + second[part])  # softer than all the rest
    (found,) = listening.findings(sound, *curves)
    assert (found.what, found.start_s, found.end_s) == ("several notes", 180, 200)
    assert re.search(r"\b3:00\b.*\b3:20\b", str(found))


def test_short_and_silent_recordings_are_heard_too(clean):
    sound, *curves = clean
    for n_frames in (1, 16, 250, 500):
        found = listening.findings(sound[: 64 * n_frames], *(one[:n_frames] for one in curves))
        assert found == []
    assert listening.findings(np.zeros(64 * 2700), *curves) == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "assets" / "audio").rglob("*.ogg")), ids=lambda path: path.stem
)
def test_bundled_recordings_have_nothing_wrong(path):
    sound = audio.load(path)[: 20 * SECOND]
    assert what_is_wrong(sound, *crepe.pitch(sound, crepe.load())) == []
