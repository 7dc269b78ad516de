"""What notebook 03_is_it_any_good writes out by hand is what SciPy and the formulas say."""

import numpy as np
import pytest

NOTEBOOK = "03_is_it_any_good"


@pytest.fixture
def crowds():
    """Two crowds of 500 points in five dimensions, with different centres and spreads."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(500, 5)), rng.normal(size=(500, 5)) @ rng.normal(size=(5, 5)) + 1


def test_frechet_distance_is_the_formula_with_scipys_root(written_out, crowds):
    from scipy.linalg import sqrtm

    (frechet,) = written_out(NOTEBOOK, "frechet")
    a, b = crowds
    root = np.trace(sqrtm(np.cov(a.T) @ np.cov(b.T))).real
    gap = a.mean(axis=0) - b.mean(axis=0)
    expected = gap @ gap + np.trace(np.cov(a.T)) + np.trace(np.cov(b.T)) - 2 * root
    assert frechet(a, b) == pytest.approx(expected, rel=1e-6)
    assert frechet(b, a) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_of_a_crowd_to_itself_is_zero_with_fewer_points_than_dimensions(
    written_out, crowds
):
    (frechet,) = written_out(NOTEBOOK, "frechet")
    few = crowds[1][:3]
    # The root of rounding errors of 1e-16.
    assert abs(frechet(few, few)) < 1e-5 * np.trace(np.cov(few.T))


def test_guessing_is_scipys_binomial(written_out):
    from math import comb

    from scipy.stats import binom

    (guessing,) = written_out(NOTEBOOK, "guessing")
    guessing.__globals__["comb"] = comb
    for n_right in range(17):
        assert guessing(n_right, 16) == pytest.approx(binom.sf(n_right - 1, 16, 0.5))


def test_embedding_is_the_networks_own_layer(written_out, tf):
    from ddsp_course import crepe

    (hear,) = written_out(NOTEBOOK, "hear")
    network = crepe.load("course").network
    layers = [network.get_layer(name).output for name in ("transpose", "classifier")]
    hear.__globals__.update({"crepe": crepe, "two_outputs": tf.keras.Model(network.input, layers)})
    rng = np.random.default_rng(0)
    sound = np.sin(880 * np.pi * np.arange(8000) / 16000) + 0.01 * rng.normal(size=8000)
    embedding, f0_hz, confidence = hear(sound)
    flat = tf.keras.Model(network.input, network.get_layer("flatten").output)
    frames = np.pad(sound, 512).astype("f")[5120 : 5120 + 1024][None]
    expected = flat(tf.constant(crepe.normalise(frames)))[0].numpy().reshape(4, 64).mean(axis=0)
    np.testing.assert_allclose(embedding[10], expected, rtol=1e-3, atol=1e-4)
    assert embedding.shape == (16, 64)
    assert f0_hz[10] == pytest.approx(440, rel=0.005) and confidence[10] > 0.8


def test_bootstrap_draws_the_same_blocks_of_both_crowds(written_out, crowds):
    bootstrap, _ = written_out(NOTEBOOK, "bootstrap", "frechet")
    a, b = crowds
    # The same crowd moved by 3: whatever is drawn, the spreads agree, and the gap is 9.
    moved = bootstrap(a, a + [3, 0, 0, 0, 0], draws=5)
    np.testing.assert_allclose(moved, 9, rtol=1e-6)
    assert bootstrap(a, b, draws=7).shape == (7,)
    assert np.ptp(bootstrap(a, b, draws=20)) > 0


@pytest.mark.parametrize("name", ["phase", "late", "softer"])
def test_damage_without_a_trace_in_the_spectrum_has_none(name, written_out):
    from scipy.signal import hilbert

    (damage,) = written_out(NOTEBOOK, name)
    damage.__globals__["hilbert"] = hilbert
    sound = np.random.default_rng(0).normal(size=4096)
    made = damage(sound)
    gain = 10 ** (-6 / 20) if name == "softer" else 1.0
    energy = np.sum(made**2)
    lost = np.sum(sound[-160:] ** 2) if name == "late" else 0
    # Turning the phase drops the constant and the part at Nyquist, 2 of 4096 numbers.
    assert energy == pytest.approx(gain**2 * (np.sum(sound**2) - lost), rel=0.01)
