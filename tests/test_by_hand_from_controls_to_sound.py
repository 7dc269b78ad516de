"""What notebook 08_from_controls_to_sound writes out by hand is what ddsp computes."""

import numpy as np
import pytest

NOTEBOOK = "08_from_controls_to_sound"
SEEDS = [1, 2]


@pytest.fixture(scope="module")
def by_hand(written_out):
    """A way to have one function, with those that it needs."""
    return lambda *names: written_out(NOTEBOOK, *names)[-1]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("bands", [33, 65])
def test_moving_filter_is_frequency_filter(bands, seed, by_hand, ddsp):
    moving_filter = by_hand("impulse_response", "moving_filter")
    rng = np.random.default_rng(seed)
    noise = rng.uniform(-1, 1, 64 * 30).astype(np.float32)
    magnitudes = rng.uniform(0, 1, (30, bands)).astype(np.float32)
    theirs = ddsp.core.frequency_filter(noise[None], magnitudes[None], window_size=0)[0]
    # float32 FFTs of numbers of about 1.
    np.testing.assert_allclose(moving_filter(noise, magnitudes), theirs, atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("size", [2048, 512, 64])
def test_loss_at_one_size_is_spectral_loss(size, seed, by_hand, ddsp):
    loss_at = by_hand("magnitude", "loss_at")
    rng = np.random.default_rng(seed)
    target, sound = (np.linspace(0.1, 1, 5000) * rng.normal(size=(2, 5000))).astype(np.float32)
    theirs = ddsp.losses.SpectralLoss([size], mag_weight=1.0, logmag_weight=1.0)
    # Logarithms of float32 spectra, and a mean of thousands of them.
    np.testing.assert_allclose(
        loss_at(target, sound, size), theirs(target[None], sound[None]), rtol=1e-4
    )
    # Exact zeros become 1e-5 before the logarithm.
    silence = np.zeros_like(target)
    np.testing.assert_allclose(
        loss_at(target, silence, size), theirs(target[None], silence[None]), rtol=1e-4
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_reverberate_is_reverb(seed, by_hand, ddsp):
    rng = np.random.default_rng(seed)
    sound, impulse = rng.normal(size=3000), 0.1 * rng.normal(size=500)
    theirs = ddsp.effects.Reverb()(np.float32(sound)[None], np.float32(impulse)[None])[0]
    # Sums of 500 products of about 0.1, by float32 FFTs.
    np.testing.assert_allclose(by_hand("reverberate")(sound, impulse), theirs, atol=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_oscillate_is_harmonic_synthesis(seed, by_hand, ddsp):
    amplitudes = np.random.default_rng(seed).uniform(0.1, 1, (20, 5))
    theirs = ddsp.core.harmonic_synthesis(
        np.full((1, 20, 1), 110, np.float32),
        np.ones((1, 20, 1), np.float32),
        harmonic_distribution=amplitudes[None].astype(np.float32),
        n_samples=64 * 20,
        amp_resample_method="linear",
    )[0]
    ours = by_hand("oscillate")(amplitudes, 110, np.zeros(5))
    # ddsp adds up float32 phases, and begins one sample of phase later.
    np.testing.assert_allclose(ours[1:], theirs[:-1], atol=0.05)
