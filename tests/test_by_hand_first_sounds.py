"""What notebook 00_first_sounds writes out by hand is what ddsp computes."""

import numpy as np
import pytest


def curves(seed, n_samples=8000):
    """A pitch and an amplitude that move slowly, (n_samples,) each."""
    rng = np.random.default_rng(seed)
    points = np.linspace(0, n_samples, 9)
    f0_hz = np.interp(np.arange(n_samples), points, rng.uniform(100, 1000, 9))
    amplitude = np.interp(np.arange(n_samples), points, rng.uniform(0, 1, 9))
    return f0_hz.astype(np.float32), amplitude.astype(np.float32)


@pytest.mark.parametrize("seed", [1, 2])
def test_oscillator_is_ddsps_oscillator_bank(seed, written_out, ddsp):
    (oscillator,) = written_out("00_first_sounds", "oscillator")
    f0_hz, amplitude = curves(seed)
    theirs = ddsp.core.oscillator_bank(
        f0_hz[None, :, None], amplitude[None, :, None], 16000, use_angular_cumsum=True
    )[0]
    # ddsp adds up the phase in float32, in chunks of 1000 samples.
    np.testing.assert_allclose(oscillator(f0_hz, amplitude), theirs, atol=0.01)


def test_harmonics_are_ddsps_bank_of_multiples(written_out, ddsp):
    (harmonics,) = written_out("00_first_sounds", "harmonics")
    f0_hz, amplitude = curves(3)
    amplitudes = amplitude[:, None] * np.array([1, 0.5, 0.2], np.float32)
    theirs = ddsp.core.oscillator_bank(
        (f0_hz[:, None] * np.arange(1, 4, dtype=np.float32))[None],
        amplitudes[None],
        16000,
        use_angular_cumsum=True,
    )[0]
    # The phase's error grows with the harmonic's number.
    np.testing.assert_allclose(harmonics(f0_hz, amplitudes), theirs, atol=0.02)


@pytest.mark.parametrize("start", [0.05, 0.2, 1.0, 3.0])
@pytest.mark.parametrize("n_samples", [1000, 16000])
def test_descent_finds_the_gain_by_samples_loses_it_upside_down_and_finds_it_by_spectra(
    start, n_samples, written_out, tf
):
    names = ("harmonics", "by_samples", "by_spectra", "descend")
    harmonics, by_samples, by_spectra, descend = written_out("00_first_sounds", *names)
    amplitudes = np.tile(0.25 / np.arange(1, 21), (n_samples, 1))
    note = tf.constant(harmonics(np.full(n_samples, 220.0), amplitudes), tf.float32)
    # What 20 steps leave of a distance of 2.5 is 0.6**20 of it, 1e-4.
    assert descend(by_samples, note, 0.5 * note, start) == pytest.approx(0.5, abs=1e-3)
    assert descend(by_samples, note, -0.5 * note, start) == 0
    assert descend(by_spectra, note, -0.5 * note, start) == pytest.approx(0.5, abs=1e-3)
