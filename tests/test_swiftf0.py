"""The pitch tracker that can be had beside CREPE."""

import importlib.util
import sys

import numpy as np
import pytest

from ddsp_course import features, swiftf0
from ddsp_course.errors import CourseError, NoPitchError

pytestmark = pytest.mark.tensorflow
installed = pytest.mark.skipif(
    importlib.util.find_spec("swift_f0") is None, reason="swift-f0 is not installed"
)


def glide(n_samples):
    """Return audio (n_samples,) and f0_hz (n_frames,): a tone from 220 Hz, an octave up a second."""
    f0_hz = 220 * 2 ** (np.arange(n_samples) / 16000)
    phase = 2 * np.pi * np.cumsum(f0_hz) / 16000
    sound = 0.1 * sum(np.sin(k * phase) / k for k in range(1, 8))
    return sound.astype(np.float32), f0_hz[::64]


@installed
@pytest.mark.parametrize("n_samples", [1024, 16000, 16001, 16063, 16064])
def test_there_is_a_frame_for_every_64_samples_begun(n_samples):
    f0_hz, f0_confidence = swiftf0.pitch(glide(n_samples)[0])
    assert f0_hz.shape == f0_confidence.shape == (-(-n_samples // 64),)
    assert f0_hz.dtype == f0_confidence.dtype == np.float32


@installed
def test_each_frame_has_the_pitch_of_its_own_time():
    sound, true_hz = glide(32000)
    cents = 1200 * np.log2(swiftf0.pitch(sound)[0] / true_hz)[25:-25]
    # Frames that were a step late would be 1200 * 0.016 = 19 cents flat, one in four by 5 cents.
    assert abs(np.median(cents)) < 4
    turns = [np.median(cents[turn::4]) for turn in range(4)]
    assert np.ptp(turns) < 3
    assert np.abs(cents).max() < 40


@installed
def test_the_bundled_phrase_is_followed_as_by_crepe(heard):
    found = features.extract(heard.audio, pitch="swiftf0")
    np.testing.assert_array_equal(found.loudness_db, heard.loudness_db)
    sure = (found.f0_confidence > 0.5) & (heard.f0_confidence > 0.5)
    assert sure.mean() > 0.6
    cents = 1200 * np.log2(found.f0_hz / heard.f0_hz)[sure]
    assert np.median(np.abs(cents)) < 8
    assert (np.abs(cents) < 50).mean() > 0.97


@installed
def test_noise_is_named_with_the_notes_that_it_can_follow():
    noise = 0.1 * np.random.default_rng(0).standard_normal(32000).astype(np.float32)
    with pytest.raises(NoPitchError, match=r"G1 \(49 Hz\) and B6"):
        features.extract(noise, pitch="swiftf0")


@installed
def test_a_note_above_its_range_is_put_back_and_said():
    sound = 0.3 * np.sin(2 * np.pi * 2500 * np.arange(16000) / 16000)
    with pytest.warns(UserWarning, match=r"\d+%.*\b2094 Hz, the end of SwiftF0's range"):
        found = features.extract(sound, pitch="swiftf0")
    cents = 1200 * np.log2(found.f0_hz[20:-20] / 2500)
    assert (np.abs(cents) < 50).mean() > 0.9


def test_a_missing_package_is_named_with_the_way_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "swift_f0", None)
    with pytest.raises(CourseError, match=r"pip install swift-f0.*CREPE"):
        features.extract(glide(16000)[0], pitch="swiftf0")


def test_an_unknown_tracker_is_named():
    with pytest.raises(CourseError, match=r"called yin.*crepe, swiftf0"):
        features.extract(glide(16000)[0], pitch="yin")
