"""Features: loudness by both definitions, lengths, and recordings that cannot be used."""

import dataclasses
import warnings

import numpy as np
import pytest

from ddsp_course import audio, conditioning, features, synthesis
from ddsp_course.errors import AudioError, CourseError, NoPitchError, SilenceError

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("clip", ["glide", "violin"])
@pytest.mark.parametrize(("definition", "source"), [("ddsp1", "ddsp1"), ("ddsp2", "ddsp3")])
def test_loudness_equals_the_reference(clip, definition, source, reference):
    found = features.loudness_db(reference[f"{clip}_audio"], definition)
    # 1e-3 dB: float32 spectra against float64; 8e-6 was measured.
    np.testing.assert_allclose(
        found, reference[f"{clip}_loudness_db_{source}"][: len(found)], atol=1e-3
    )


def test_blocks_do_not_show_in_the_loudness(monkeypatch):
    sound = np.random.default_rng(0).standard_normal(20000).astype(np.float32)
    for definition in ("ddsp1", "ddsp2"):
        monkeypatch.setattr(features, "_BLOCK", 5000)
        whole = features.loudness_db(sound, definition)
        monkeypatch.setattr(features, "_BLOCK", 37)
        np.testing.assert_allclose(features.loudness_db(sound, definition), whole, atol=1e-4)


def test_bundled_recording_has_the_pitch_of_its_score(heard):
    # The first note is G5 as the flute of FluidR3 sounds it, at MIDI 67: 392 Hz.
    cents = 1200 * np.log2(np.median(heard.f0_hz[75:175]) / 392)
    assert abs(cents) < 30
    assert heard.f0_confidence[75:175].min() > 0.5


@pytest.mark.parametrize("n_samples", [1024, 16000, 16001, 16063, 16064])
def test_there_is_a_frame_for_every_64_samples_begun(n_samples):
    sound = np.sin(2 * np.pi * 440 * np.arange(n_samples) / 16000)
    found = features.extract(sound)
    n_frames = -(-n_samples // 64)
    assert len(found.f0_hz) == len(found.f0_confidence) == len(found.loudness_db) == n_frames
    assert len(found.audio) == n_samples


def test_loudness_by_another_definition_keeps_what_was_changed(heard):
    measured = features.loudness_db(heard.audio, "ddsp1")
    np.testing.assert_array_equal(features.loudness_as(heard, "ddsp1"), measured)
    assert np.abs(measured - heard.loudness_db).max() > 1
    softer = dataclasses.replace(heard, loudness_db=heard.loudness_db - 6)
    np.testing.assert_allclose(
        features.loudness_as(softer, "ddsp1"), np.maximum(measured - 6, -120), atol=1e-4
    )
    assert features.loudness_as(heard, "ddsp2") is heard.loudness_db


def test_unknown_definition_is_named():
    with pytest.raises(CourseError, match=r"ddsp3.*ddsp1, ddsp2"):
        features.loudness_db(np.zeros(1000), "ddsp3")
    with pytest.raises(CourseError, match="ddsp3"):
        synthesis.model_loudness(-20, "ddsp3")


def test_silence_is_named():
    with pytest.raises(SilenceError, match="silent"):
        features.extract(np.zeros(16000))
    with pytest.raises(SilenceError):  # a constant is no sound
        features.extract(np.full(16000, 0.3))
    with pytest.raises(SilenceError):
        features.extract(0.9e-5 * np.sin(0.2 * np.arange(16000)))


@pytest.mark.parametrize("seed", range(2))
def test_dither_alone_is_silence(seed):
    dither = np.random.default_rng(seed).uniform(-0.5, 0.5, (2, 32000)).sum(axis=0)
    for step in (1, 0.5):  # bits of 16; up to 2 of them
        with pytest.raises(SilenceError, match=r"-(90|84) dBFS"):
            features.extract(np.round(dither / step) * 2.0**-15)


@pytest.mark.parametrize("peak_db", [-50, -61, -66, -80, -90, -99])
def test_a_quiet_take_is_heard_as_a_loud_one_and_said(peak_db, tmp_path):
    import soundfile

    loud = singing(2) / np.abs(singing(2)).max()
    soundfile.write(tmp_path / "quiet.wav", loud * 10 ** (peak_db / 20), 16000, subtype="PCM_24")
    expected = features.extract(0.1 * loud)
    with pytest.warns(UserWarning, match=rf"{peak_db} dBFS.*\b{-20 - peak_db} dB"):
        found = features.extract(audio.load(tmp_path / "quiet.wav"))
    # 24 bits leave 21 dB between the tone and their steps at -99 dBFS.
    notes = expected.f0_confidence > 0.8
    assert np.abs(1200 * np.log2(found.f0_hz / expected.f0_hz))[notes].max() < 3
    assert np.abs(found.loudness_db - expected.loudness_db)[notes].max() < 0.5
    masks = [conditioning.adjust(one, None).note_mask for one in (found, expected)]
    assert (masks[0] == masks[1]).mean() > 0.97 and masks[1].mean() > 0.5


def test_a_quiet_take_is_raised_without_its_constant_part():
    quiet = 0.3 + 0.001 * np.sin(0.2 * np.arange(16000))
    raised, peak, raised_db = features.raise_quiet(quiet)
    assert peak == pytest.approx(0.001, rel=0.01) and raised_db == pytest.approx(40, abs=0.1)
    assert np.abs(raised).max() == pytest.approx(0.1, rel=0.01)
    loud = np.float32(0.3 * np.sin(np.arange(16000)))
    same, _, raised_db = features.raise_quiet(loud)
    assert same is loud and raised_db == 0


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_named(seed):
    with pytest.raises(NoPitchError, match=r"C1 \(33 Hz\) and B6 \(1976 Hz\)"):
        features.extract(0.3 * np.random.default_rng(seed).standard_normal(32000))


def singing(seconds=7):
    """Quiet, clean notes, as the review's test case has them."""
    t = np.arange(seconds * 16000) / 16000
    f0_hz = 262 * 2 ** (np.floor(t * 2) % 8 / 12)
    fade = np.hanning(480) / np.hanning(480).sum()
    sounds = np.convolve((t * 2 % 1 < 0.8) * 1.0, fade, "same")
    phase = 2 * np.pi * np.cumsum(f0_hz) / 16000
    return 0.01 * sounds * sum(np.sin(k * phase) / k for k in range(1, 12))


@pytest.mark.parametrize("at", [1600, 60000, 111000])
def test_a_click_or_a_cough_does_not_hide_a_song(at):
    rng = np.random.default_rng(1)
    for length, level in ((80, 0.95), (4000, 0.6)):
        sound = singing()
        sound[at : at + length] += (level * np.hanning(length) * rng.choice([-1, 1], length))[
            : len(sound) - at
        ]
        assert np.median(features.extract(sound).f0_hz) < 600


def test_a_short_note_in_a_long_silence_is_heard():
    sound = np.zeros(10 * 16000)
    t = np.arange(4800) / 16000
    sound[80000:84800] = 0.3 * np.hanning(4800) * np.sin(2 * np.pi * 440 * t)
    found = features.extract(sound)
    assert abs(1200 * np.log2(found.f0_hz[1287] / 440)) < 25


@pytest.mark.parametrize("f0_hz", [2093.0, 2350.0, 2637.0])
@pytest.mark.parametrize("harmonics", [1, 3])
def test_a_note_above_crepes_range_is_put_back_and_said(f0_hz, harmonics):
    t = np.arange(16000) / 16000
    sound = sum(0.3 / k**2 * np.sin(2 * np.pi * f0_hz * k * t) for k in range(1, harmonics + 1))
    with pytest.warns(UserWarning, match=r"\d+%.*\b2005 Hz"):
        found = features.extract(sound)
    cents = 1200 * np.log2(found.f0_hz[20:-20] / f0_hz)
    assert (np.abs(cents) < 50).mean() > 0.95


@pytest.mark.parametrize("f0_hz", [880.0, 1046.5, 1318.5, 1865.0])
def test_a_high_note_within_crepes_range_stays(f0_hz):
    t = np.arange(16000) / 16000
    # Its octave is louder than itself, as on a trumpet.
    sound = 0.1 * np.sin(2 * np.pi * f0_hz * t) + 0.3 * np.sin(4 * np.pi * f0_hz * t)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = features.extract(sound)
    assert abs(1200 * np.log2(np.median(found.f0_hz) / f0_hz)) < 25


@pytest.mark.parametrize("f0_hz", [27.5, 30.87, 4186.0])
@pytest.mark.parametrize("amplitude", [0.3, 3e-4])
def test_a_note_out_of_range_is_not_called_noise(f0_hz, amplitude):
    k = np.arange(1, 20)[:, None]
    harmonics = np.sin(2 * np.pi * f0_hz * k * np.arange(16000) / 16000) / k
    with pytest.raises((NoPitchError, SilenceError), match=r"C1 \(33 Hz\) and B6") as error:
        features.extract(amplitude * harmonics[k[:, 0] * f0_hz < 8000].sum(axis=0))
    assert "noise" not in str(error.value)


@pytest.mark.parametrize(
    ("sound", "message"),
    [(np.zeros(0), r"\(0,\).*64 ms"), (np.ones(500), r"\(500,\).*64 ms"),
     (np.ones((2, 16000)), r"\(2, 16000\)"), (np.full(16000, np.nan), "NaN")],
    ids=["empty", "short", "stereo", "nan"],
)  # fmt: skip
def test_unusable_samples_are_named(sound, message):
    with pytest.raises(AudioError, match=message):
        features.extract(sound)
