"""What notebook 04_spectral_ops writes out by hand is what ddsp computes."""

import numpy as np
import pytest

NOTEBOOK = "04_spectral_ops"


def noise(seed, n_samples=8000):
    """Noise that grows from -60 dB to full scale, (n_samples,) float32."""
    rng = np.random.default_rng(seed)
    return (rng.uniform(-1, 1, n_samples) * np.geomspace(1e-3, 1, n_samples)).astype(np.float32)


@pytest.mark.parametrize(("size", "overlap"), [(64, 0.5), (512, 0.75), (2048, 0.75), (1024, 0.0)])
def test_stft_is_ddsps(size, overlap, written_out, ddsp):
    _, stft = written_out(NOTEBOOK, "hann", "stft")
    sound = noise(1)
    theirs = ddsp.spectral_ops.stft(sound, size, overlap)
    # Sums over a frame, in float32: magnitudes reach some tens.
    np.testing.assert_allclose(stft(sound, size, int(size * (1 - overlap))), theirs, atol=1e-3)


def test_mel_scale_is_ddsps_both_ways(written_out, ddsp):
    hz_to_mel, mel_to_hz = written_out(NOTEBOOK, "hz_to_mel", "mel_to_hz")
    hz = np.random.default_rng(2).uniform(20, 8000, 100).astype(np.float32)
    # float32, with a logarithm that is a quotient of two.
    np.testing.assert_allclose(hz_to_mel(hz), ddsp.core.hz_to_mel(hz), rtol=1e-4)
    np.testing.assert_allclose(mel_to_hz(hz / 3), ddsp.core.mel_to_hz(hz / 3), rtol=1e-4)


@pytest.mark.parametrize(("bands", "low_hz", "high_hz"), [(64, 0.0, 8000.0), (40, 80.0, 7600.0)])
def test_mel_spectrogram_is_ddsps(bands, low_hz, high_hz, written_out, ddsp):
    *_, stft, mel_matrix = written_out(NOTEBOOK, "hz_to_mel", "hann", "stft", "mel_matrix")
    sound = noise(3)
    ours = np.abs(stft(sound, 2048, 512)) @ mel_matrix(bands, 1025, low_hz, high_hz)
    theirs = ddsp.spectral_ops.compute_mel(sound, low_hz, high_hz, bands, fft_size=2048)
    # The triangles' slopes are float32 there, and float64 here.
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("seed", [4, 5])
def test_rms_and_power_are_ddsps(seed, written_out, ddsp):
    rms, power_db = written_out(NOTEBOOK, "rms", "power_db")
    sound = np.r_[np.zeros(1000, np.float32), noise(seed)]
    np.testing.assert_allclose(rms(sound), ddsp.spectral_ops.compute_rms_energy(sound), atol=1e-5)
    # In dB; the floor is there at the beginning.
    theirs = ddsp.spectral_ops.compute_power(sound)
    assert np.min(theirs) == pytest.approx(-80, abs=1e-3)
    np.testing.assert_allclose(power_db(sound), theirs, atol=0.01)


def test_loudness_is_ddsps(written_out, ddsp):
    *_, loudness_db = written_out(NOTEBOOK, "hann", "a_weighting", "loudness_db")
    sound = np.r_[np.zeros(1000, np.float32), noise(6)]
    with np.errstate(divide="ignore"):
        theirs = ddsp.spectral_ops.compute_loudness(sound)
    # librosa's A-weighting stops at -80 dB, which 0 Hz alone reaches: less than 0.05 dB.
    np.testing.assert_allclose(loudness_db(sound), theirs, atol=0.05)


@pytest.mark.parametrize("padding", ["valid", "same", "center"])
def test_frames_are_counted_as_ddsp_counts(padding, written_out, ddsp):
    (frame_count,) = written_out(NOTEBOOK, "frame_count")
    for n_samples in (1024, 1025, 16000, 16001, 20032):
        for size, hop in ((1024, 64), (512, 64), (256, 100)):
            theirs, padded = ddsp.spectral_ops.get_framed_lengths(n_samples, size, hop, padding)
            assert frame_count(n_samples, size, hop, padding) == theirs
            sound = ddsp.spectral_ops.pad(np.zeros(n_samples, np.float32), size, hop, padding)
            assert sound.shape == (padded,)
