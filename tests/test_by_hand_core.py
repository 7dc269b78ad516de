"""What notebook 03_core writes out by hand is what ddsp computes, values and gradients."""

import numpy as np
import pytest

NOTEBOOK = "03_core"
SEEDS = [1, 2]


@pytest.fixture(scope="module")
def core(ddsp):
    return ddsp.core


@pytest.fixture(scope="module")
def value_and_gradient(tf):
    """A way to have a function's value, and the gradient of a weighted sum of it."""

    def both(function, x):
        x = tf.constant(x, tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = function(x)
            # Uneven weights: a plain sum would hide what is added in the wrong place.
            weights = np.random.default_rng(0).uniform(-1, 1, y.shape).astype(np.float32)
            total = tf.reduce_sum(weights * y)
        return y.numpy(), tape.gradient(total, x).numpy()

    return both


@pytest.fixture(scope="module")
def assert_same(value_and_gradient):
    def compare(ours, theirs, x, rtol=1e-4, atol=1e-5, gradient_atol=None):
        value, slope = value_and_gradient(ours, x)
        their_value, their_slope = value_and_gradient(theirs, x)
        assert np.any(their_slope)
        np.testing.assert_allclose(value, their_value, rtol, atol)
        np.testing.assert_allclose(slope, their_slope, rtol, gradient_atol or atol)

    return compare


@pytest.mark.parametrize("seed", SEEDS)
def test_exp_sigmoid(seed, written_out, core, assert_same):
    (exp_sigmoid,) = written_out(NOTEBOOK, "exp_sigmoid")
    x = np.random.default_rng(seed).uniform(-10, 10, 200)
    # ddsp's gradient takes 1 - sigmoid, which is off by 6e-8 in float32 where the sigmoid is near 1.
    assert_same(exp_sigmoid, core.exp_sigmoid, x, atol=1e-8, gradient_atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_midi_to_hz_and_back(seed, written_out, core, assert_same):
    midi_to_hz, hz_to_midi = written_out(NOTEBOOK, "midi_to_hz", "hz_to_midi")
    midi = np.random.default_rng(seed).uniform(10, 120, 200)
    # float32 keeps seven digits, and 2 ** x loses one or two of them.
    assert_same(midi_to_hz, core.midi_to_hz, midi, rtol=1e-5)
    hz = 440 * 2 ** ((midi - 69) / 12)
    # ddsp takes two logarithms apart, of up to 14 each: a thousandth of a semitone.
    assert_same(hz_to_midi, core.hz_to_midi, hz, atol=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("method", ["nearest", "linear", "window"])
def test_upsample(method, seed, written_out, core, assert_same):
    (upsample,) = written_out(NOTEBOOK, "upsample")
    frames = np.random.default_rng(seed).uniform(0, 1, 50)
    # ddsp finds its place between frames as a float32 position, of five digits behind the point.
    assert_same(
        lambda x: upsample(x, 64, method),
        lambda x: core.resample(x, 50 * 64, method),
        frames,
        atol=1e-4,
        gradient_atol=1e-3,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_wrapped_phase(seed, written_out, tf, core, assert_same):
    (wrapped_phase,) = written_out(NOTEBOOK, "wrapped_phase")
    omega = np.random.default_rng(seed).uniform(0.01, 1, 8000)
    phase = wrapped_phase(tf.constant(omega, tf.float32))
    assert np.min(phase) >= 0
    # Rounding may bring a phase just below a whole turn up to it.
    assert np.max(phase) <= 2 * np.pi + 1e-5
    # As angles, since 0 and 2 pi are one. Eight chunks of 1000 float32 numbers, summed up to about
    # 500, where they lie 3e-5 apart; a gradient is a sum of up to 8000 numbers.
    assert_same(
        lambda x: tf.sin(wrapped_phase(x)),
        lambda x: tf.sin(core.angular_cumsum(x[None])[0]),
        omega,
        atol=5e-3,
        gradient_atol=0.1,
    )
    exact = np.sin(np.cumsum(omega.astype(np.float32), dtype=float))
    np.testing.assert_allclose(np.sin(phase), exact, atol=5e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_harmonic_sound(seed, written_out, core, assert_same):
    _, harmonic_sound = written_out(NOTEBOOK, "upsample", "harmonic_sound")
    rng = np.random.default_rng(seed)
    f0_hz = rng.uniform(900, 1200, 20).astype(np.float32)
    amplitude = rng.uniform(0, 1, 20).astype(np.float32)
    share = rng.uniform(0, 1, (20, 9)).astype(np.float32)  # the last lies above Nyquist
    # Phases up to 4000 rad, where float32 numbers lie 2e-4 apart, and the harmonics' errors add up.
    assert_same(
        lambda c: harmonic_sound(f0_hz, amplitude, c, 64),
        lambda c: core.harmonic_synthesis(
            f0_hz[None, :, None],
            amplitude[None, :, None],
            harmonic_distribution=c[None],
            n_samples=20 * 64,
        )[0],
        share,
        atol=0.02,
        gradient_atol=0.02,
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("taps", [100, 101])
def test_convolve(taps, seed, written_out, tf, core, assert_same):
    (convolve,) = written_out(NOTEBOOK, "convolve")
    rng = np.random.default_rng(seed)
    x = rng.normal(size=2000).astype(np.float32)
    h = rng.normal(size=taps).astype(np.float32)
    # Sums of a hundred products of about 1, by FFTs of two lengths; gradients sum up 2000.
    for ours, theirs, by in [
        (
            lambda h: convolve(tf.constant(x), h),
            lambda h: core.fft_convolve(x[None], h[None], "valid", 0)[0],
            h,
        ),
        (
            lambda x: convolve(x, tf.constant(h)),
            lambda x: core.fft_convolve(x[None], h[None], "valid", 0)[0],
            x,
        ),
    ]:
        assert_same(ours, theirs, by, atol=1e-3)
    np.testing.assert_allclose(
        convolve(tf.constant(x), tf.constant(h)), np.convolve(x, h), atol=1e-3
    )


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("bands", [33, 65])
def test_drawn_filter(bands, seed, written_out, core, assert_same):
    (drawn_filter,) = written_out(NOTEBOOK, "drawn_filter")
    magnitudes = np.random.default_rng(seed).uniform(0, 1, bands)
    # A float32 FFT of 128 numbers below 1.
    assert_same(
        drawn_filter, lambda x: core.frequency_impulse_response(x[None])[0], magnitudes, atol=1e-6
    )


@pytest.mark.parametrize("length", [64, 255, 256])
@pytest.mark.parametrize("cutoff_hz", [50.0, 1234.0, 7000.0])
def test_sinc_filter(length, cutoff_hz, written_out, tf, core, assert_same):
    (sinc_filter,) = written_out(NOTEBOOK, "sinc_filter")
    # Sines of up to 350 rad in float32; per hertz the response changes by 1e-5 and less.
    assert_same(
        lambda fc: sinc_filter(fc, length),
        lambda fc: core.sinc_impulse_response(tf.reshape(fc, [1, 1, 1]), length, 16000)[0, 0],
        cutoff_hz,
        atol=1e-5,
        gradient_atol=1e-7,
    )
