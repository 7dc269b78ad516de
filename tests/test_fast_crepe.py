"""The fast network answers as the plain one does, whatever it is given."""

import numpy as np
import pytest

from ddsp_course import crepe
from ddsp_course.fast import crepe as fast_crepe

pytestmark = pytest.mark.tensorflow

# The answers lie in 0..1. Rounding in float32, which is all that differs, came to 1e-6.
ROUNDING = 1e-5


def plain(sound, network, hop_size=64):
    """Return what the Keras network itself says of each frame, centred."""
    padded = np.pad(np.asarray(sound, np.float32), 512)
    frames = np.lib.stride_tricks.sliding_window_view(padded, 1024)[::hop_size]
    return network(crepe.normalise(frames), training=False).numpy()


def unlike(size, seed=0):
    """Return a network whose every weight matters: scales of both signs, shifts everywhere."""
    rng = np.random.default_rng(seed)
    network = crepe.build(size)
    for weight in network.weights:
        if "kernel" not in weight.name:
            drawn = rng.standard_normal(weight.shape)
            weight.assign(np.exp(drawn) if "variance" in weight.name else drawn)
    return network


@pytest.fixture(scope="module")
def model():
    return crepe.load("course")


def sounds(phrase):
    """Return kinds of sound, each of some 0.6 s."""
    rng = np.random.default_rng(0)
    music = phrase[8000:18000]
    noise = rng.standard_normal(10000)
    gaps = music * (np.arange(10000) // 2000 % 2)
    clicks = np.zeros(10000)
    clicks[[0, 1500, 1501, 4000, 9999]] = [1, -1, 1, 0.001, 1]
    return {
        "noise": noise,
        "music": music,
        "silence": np.zeros(10000),
        "silence in parts": gaps,
        "clicks": clicks,
        "clicks in soft music": music * 1e-4 + clicks,
        "loud, then soft": music * np.where(np.arange(10000) < 5000, 1, 1e-6),
        "very soft": music * 1e-9,
        "too soft for float32": music * 1e-42,
        "very loud": music * 1e9,
        "offset": music + 0.5,
        "a note after an offset": np.where(np.arange(10000) < 5000, 0.9, music),
        "offset alone": np.full(10000, 0.3),
        "offset, parts of it silence": gaps + 0.01,
        "large offset": music + 300,
        "16 bits": np.round(music * 32768) / 32768,
    }


def test_every_kind_of_sound(model, phrase):
    for name, sound in sounds(phrase).items():
        found, expected = crepe.activation(sound, model), plain(sound, model.network)
        # A mean of up to 100 standard deviations costs a hundred times the rounding of one.
        np.testing.assert_allclose(found, expected, atol=1e-4, err_msg=name)
        if "offset" not in name:
            np.testing.assert_allclose(found, expected, atol=ROUNDING, err_msg=name)


@pytest.mark.parametrize("hop_size", [10, 16, 32, 48, 64, 80, 100, 128, 160, 320, 512, 1000, 1024])
def test_every_hop(hop_size, model, phrase):
    sound = phrase[: 200 * hop_size]
    found = crepe.activation(sound, model, hop_size)
    assert len(found) == 1 + len(sound) // hop_size
    # Every eleventh hop covers each place in a batch, and the last frame.
    chosen = np.r_[0 : len(found) : 11, len(found) - 1]
    expected = plain(sound, model.network, hop_size)[chosen]
    np.testing.assert_allclose(found[chosen], expected, atol=ROUNDING)


@pytest.mark.parametrize("n_samples", [1, 63, 64, 1023, 1024, 1088, 64 * 127, 64 * 128])
def test_short_sounds_and_whole_batches(n_samples, model):
    sound = np.random.default_rng(n_samples).standard_normal(n_samples)
    found = crepe.activation(sound, model)
    assert found.shape == (1 + n_samples // 64, 360)
    np.testing.assert_allclose(found, plain(sound, model.network), atol=ROUNDING)


@pytest.mark.parametrize("size", crepe.SIZES)
def test_every_size_with_scales_of_both_signs(size):
    network = unlike(size)
    sound = np.random.default_rng(1).standard_normal(64 * 40)
    found = crepe.activation(sound, crepe.Crepe(size, network))
    # Random weights make sums larger than trained ones, and so is what rounding makes of them.
    np.testing.assert_allclose(found, plain(sound, network), atol=10 * ROUNDING)


def test_official_weights(official_tiny, phrase):
    model = crepe.load(official_tiny)
    found, expected = crepe.activation(phrase, model), plain(phrase, model.network)
    np.testing.assert_allclose(found, expected, atol=ROUNDING)
    cents = 1200 * np.log2(crepe.to_f0(found)[0] / crepe.to_f0(expected)[0])
    assert (np.abs(cents) < 1).mean() >= 0.999


def test_nan_stays_in_its_frames(model, phrase):
    sound = phrase[:16000].copy()
    sound[8000] = np.nan
    found = crepe.activation(sound, model)
    centre = np.arange(len(found)) * 64
    np.testing.assert_array_equal(
        np.isnan(found).any(axis=1), (centre - 512 <= 8000) & (8000 < centre + 512)
    )


def test_weights_count_as_they_are(phrase):
    network = crepe.build("tiny")
    model = crepe.Crepe("changing", network)
    for seed in (1, 2):
        network.set_weights(unlike("tiny", seed).get_weights())
        found = crepe.activation(phrase[:4000], model)
        np.testing.assert_allclose(found, plain(phrase[:4000], network), atol=10 * ROUNDING)


def test_music_needs_the_plain_network_nowhere(model, phrase):
    frames = np.lib.stride_tricks.sliding_window_view(phrase, 1024)[::64][:100]
    _, inexact = fast_crepe.prepare(model.network, 64, 128)(frames)
    assert not inexact.any()
