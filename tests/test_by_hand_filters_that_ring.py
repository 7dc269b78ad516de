"""What notebook 01_filters_that_ring writes out by hand is what SciPy and the formulas say."""

import numpy as np
import pytest
from scipy import signal, special

NOTEBOOK = "01_filters_that_ring"
SEEDS = [1, 2]


def random_filter(rng):
    """A biquad whose poles lie inside the circle: b and a, (3,) each."""
    pole = rng.uniform(0.3, 0.95) * np.exp(1j * rng.uniform(0.1, 3))
    return rng.uniform(-1, 1, 3), np.poly([pole, pole.conj()]).real


@pytest.mark.parametrize("seed", SEEDS)
def test_recursion(seed, written_out):
    (recursion,) = written_out(NOTEBOOK, "recursion")
    rng = np.random.default_rng(seed)
    b, a = random_filter(rng)
    x = rng.normal(size=500)
    np.testing.assert_allclose(recursion(x, b, a), signal.lfilter(b, a, x), atol=1e-9)


@pytest.mark.parametrize(("hz", "t60"), [(100, 2.0), (440, 0.5), (6000, 0.05)])
def test_resonator_rings_at_its_pitch_for_its_time(hz, t60, written_out):
    (resonator,) = written_out(NOTEBOOK, "resonator")
    b, a = resonator(hz, t60)
    n = np.arange(2000)
    h = signal.lfilter(b, a, n == 0)
    tone = np.sin(2 * np.pi * hz / 16000 * n) * 10 ** (-3 * n / 16000 / t60)
    # It is r ** (n - 1) times a sine, whose first sample is 0.
    r = np.sqrt(a[2])
    np.testing.assert_allclose(h * r, tone, atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_sampling_and_scanning_are_the_same_filter_with_the_same_gradient(seed, written_out, tf):
    sampled, scanned = written_out(NOTEBOOK, "frequency_sampled", "scanned")
    rng = np.random.default_rng(seed)
    x, *coefficients = rng.normal(size=200), *random_filter(rng)
    b, a = (tf.constant(c, tf.float32) for c in coefficients)
    x = tf.constant(x, tf.float32)
    weights = tf.constant(rng.uniform(-1, 1, 200), tf.float32)
    found = []
    for function in (lambda: sampled(x, b, a, 2048), lambda: scanned(x, b, a)):
        with tf.GradientTape() as tape:
            tape.watch([b, a])
            y = function()
            total = tf.reduce_sum(weights * y)
        found.append((y, *tape.gradient(total, [b, a])))
    np.testing.assert_allclose(found[0][0], signal.lfilter(*coefficients, x), atol=1e-3)
    # Sums of 200 float32 products; a[0] is 1 in the recursion, which has no gradient for it.
    np.testing.assert_allclose(found[0][0], found[1][0], atol=1e-3)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(found[0][2][1:], found[1][2][1:], rtol=1e-3, atol=1e-2)


def test_short_fft_folds_the_tail_to_the_beginning(written_out, tf):
    (sampled, resonator) = written_out(NOTEBOOK, "frequency_sampled", "resonator")
    b, a = resonator(440, 0.1)
    x = np.zeros(1600)
    x[800] = 1
    exact = signal.lfilter(b, a, np.r_[x, np.zeros(16000)])
    folded = exact[:16000].reshape(10, 1600).sum(axis=0)
    found = sampled(*(tf.constant(one, tf.float64) for one in (x, b, a)), 1600)
    np.testing.assert_allclose(found, folded, atol=1e-6)


def test_raw_numbers_give_stable_filters(written_out, tf):
    (stable,) = written_out(NOTEBOOK, "stable")
    raw = np.random.default_rng(1).normal(size=(1000, 2)) * 2
    a1, a2 = (one.numpy() for one in stable(tf.constant(raw)))
    assert np.all(np.abs(a2) < 1) and np.all(np.abs(a1) < 1 + a2)


@pytest.mark.parametrize("gain_db", [-12.0, 6.0])
def test_shelves_and_peaks_have_their_gain_where_they_should(gain_db, written_out, tf):
    shelf, peak = written_out(NOTEBOOK, "shelf", "peak")
    hz, gain = tf.constant(1000.0), tf.constant(gain_db)
    # At 0 Hz, the filter's own frequency and Nyquist; a shelf has half its decibels at its own.
    for (b, a), expected in [
        (shelf(hz, gain, 0), (gain_db, gain_db / 2, 0)),
        (shelf(hz, gain, 1), (0, gain_db / 2, gain_db)),
        (peak(hz, gain, tf.constant(2.0)), (0, gain_db, 0)),
    ]:
        _, H = signal.freqz(b, a, [0, 1000, 8000], fs=16000)
        np.testing.assert_allclose(20 * np.log10(np.abs(H)), expected, atol=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_gain_falls_with_the_attack_and_recovers_with_the_release(seed, written_out, tf):
    (smoothed,) = written_out(NOTEBOOK, "smoothed")
    gain_db = -np.random.default_rng(seed).uniform(0, 20, 100)
    fast, slow = np.exp(-1 / (100 * 0.02)), np.exp(-1 / (100 * 0.3))
    last, expected = 0.0, []
    for now in gain_db:
        keep = fast if now < last else slow
        last = keep * last + (1 - keep) * now
        expected.append(last)
    found = smoothed(tf.constant(gain_db, tf.float32), 0.02, 0.3)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("level", "gain"), [(-40, 0), (-20, 0), (-12, -6), (0, -15)])
def test_gain_computer(level, gain, written_out, tf):
    (gain_computer,) = written_out(NOTEBOOK, "gain_computer")
    assert float(gain_computer(tf.constant(float(level)), -20.0, 4.0)) == pytest.approx(gain)


@pytest.mark.parametrize("index", [0.5, 2.0, 4.0])
def test_sidebands_of_fm_are_bessel_functions(index, written_out):
    (fm,) = written_out(NOTEBOOK, "fm")
    spectrum = np.abs(np.fft.rfft(fm(index, 7.0, 250.0, 8000))) / 4000
    k = np.arange(5)
    # A float32 phase of up to 5500 rad, where neighbours lie 5e-4 apart.
    np.testing.assert_allclose(spectrum[125 + 875 * k], np.abs(special.jv(k, index)), atol=2e-3)
