"""What notebook 00_match_a_sound writes out by hand is what ddsp and SciPy compute."""

import numpy as np
import pytest

NOTEBOOK = "00_match_a_sound"
PARTS = ["mag", "logmag", "delta_time", "delta_freq", "cumsum_freq"]


@pytest.fixture(scope="module")
def sounds():
    """Three noises, (3, 4000); real magnitudes are nowhere so small that rounding decides."""
    return np.random.default_rng(0).normal(0, 0.3, (3, 4000)).astype(np.float32)


@pytest.fixture(scope="module")
def one_part(ddsp):
    """A way to have `SpectralLoss` with one part alone."""

    def loss(part, **settings):
        return ddsp.losses.SpectralLoss(**{"mag_weight": 0.0, f"{part}_weight": 1.0}, **settings)

    return loss


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_the_loss(part, written_out, one_part, sounds):
    (parts_by_hand,) = written_out(NOTEBOOK, "parts_by_hand")
    ours = parts_by_hand(sounds[0], sounds[1], 512)[part]
    theirs = one_part(part, fft_sizes=(512,))(sounds[:1], sounds[1:2])
    assert ours == pytest.approx(float(theirs), rel=1e-4)


@pytest.mark.parametrize("log_weight", [0.0, 1.0])
def test_batch_of_losses_and_its_gradient(log_weight, written_out, tf, ddsp, sounds):
    (spectral,) = written_out(NOTEBOOK, "spectral")
    theirs = ddsp.losses.SpectralLoss(logmag_weight=log_weight)
    tried = tf.constant(sounds[1:])
    with tf.GradientTape() as tape:
        tape.watch(tried)
        losses = spectral(sounds[:1], tried, log_weight=log_weight)
    gradient = tape.gradient(losses, tried)
    for i in range(2):
        one = tried[i : i + 1]
        with tf.GradientTape() as tape:
            tape.watch(one)
            loss = theirs(sounds[:1], one)
        assert float(losses[i]) == pytest.approx(float(loss), rel=1e-5)
        # Sums over six spectrograms in another order: float32 keeps five digits of the largest.
        expected = tape.gradient(loss, one)[0]
        atol = 1e-4 * float(tf.reduce_max(tf.abs(expected)))
        np.testing.assert_allclose(gradient[i], expected, rtol=1e-3, atol=atol)


def test_cumulative_part_of_a_batch(written_out, one_part, sounds):
    (cumsum_freq,) = written_out(NOTEBOOK, "cumsum_freq")
    losses = cumsum_freq(sounds[:1], sounds[1:])
    for i in range(2):
        theirs = one_part("cumsum_freq")(sounds[:1], sounds[i + 1 : i + 2])
        assert float(losses[i]) == pytest.approx(float(theirs), rel=1e-4)


def test_transport_is_scipys_distance_between_distributions(written_out, ddsp, sounds):
    from scipy.stats import wasserstein_distance

    transport, _ = written_out(NOTEBOOK, "transport", "cumulative")
    power = (ddsp.spectral_ops.compute_mag(sounds, 2048).numpy() ** 2).sum(axis=1)
    hz = np.arange(power.shape[1]) * 16000 / 2048
    for made, one in zip(transport(sounds[:1], sounds[1:]), power[1:], strict=True):
        # 1025 float32 numbers were added up to 1.
        assert float(made) == pytest.approx(wasserstein_distance(hz, hz, power[0], one), rel=1e-3)


def test_sine_that_may_fade_is_a_sine_on_the_unit_circle_and_has_its_gradient(written_out, tf):
    fading, plain = written_out(NOTEBOOK, "fading", "plain")
    angle = tf.constant([[0.05, 0.4, 2.0]])
    z = tf.concat([tf.cos(angle), tf.sin(angle)], axis=0)
    # The sine of the angle, whose float32 is off by 1e-7, times 200 samples.
    np.testing.assert_allclose(fading(z), plain(angle), atol=1e-4)
    exact = np.real((0.9 * np.exp(1j * angle.numpy()[0]))[:, None] ** np.arange(200))
    np.testing.assert_allclose(fading(0.9 * z), exact, atol=1e-4)
