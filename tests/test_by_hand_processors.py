"""What notebook 02_processors writes out by hand is what ddsp computes, and so are its gradients."""

import numpy as np
import pytest

STEM = "02_processors"


def compare(tf, ours, theirs, inputs, rtol, atol):
    """Compare the values of two functions, and the gradients of a weighted sum of them."""
    inputs = [tf.constant(one, tf.float32) for one in inputs]

    def run(function):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            values = tf.nest.flatten(function(*inputs))
            # Uneven weights: a plain sum of shares would be 1, and its gradient nothing.
            total = sum(
                tf.reduce_sum(
                    one
                    * tf.cos(tf.reshape(tf.range(tf.size(one), dtype=tf.float32), tf.shape(one)))
                )
                for one in values
            )
        return values, [tf.convert_to_tensor(one) for one in tape.gradient(total, inputs)]

    (values, gradients), (right_values, right_gradients) = run(ours), run(theirs)
    for one, right in zip(values, right_values, strict=True):
        np.testing.assert_allclose(one, right, rtol=rtol, atol=atol)
    for one, right in zip(gradients, right_gradients, strict=True):
        np.testing.assert_allclose(one, right, rtol=rtol, atol=atol * max(1, np.abs(right).max()))


@pytest.mark.parametrize("seed", [1, 2])
def test_exp_sigmoid(seed, written_out, tf, ddsp):
    (exp_sigmoid,) = written_out(STEM, "exp_sigmoid")
    raw = np.random.default_rng(seed).normal(scale=4, size=500)
    # float32 has seven digits, and the power loses one.
    compare(tf, exp_sigmoid, ddsp.core.exp_sigmoid, [raw], rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("seed", [1, 2])
def test_harmonic_controls(seed, written_out, tf, ddsp):
    (harmonic_controls,) = written_out(STEM, "harmonic_controls")
    rng = np.random.default_rng(seed)
    f0_hz = rng.uniform(50, 2000, (2, 20, 1)).astype(np.float32)
    raw = [rng.normal(size=(2, 20, 1)), rng.normal(size=(2, 20, 60))]

    def theirs(amplitude, distribution):
        made = ddsp.synths.Harmonic().get_controls(amplitude, distribution, f0_hz)
        return made["amplitudes"], made["harmonic_distribution"]

    # Some digits go in a sum of up to 60 shares.
    compare(tf, lambda a, d: harmonic_controls(a, d, f0_hz), theirs, raw, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("seed", [1, 2])
def test_lookup(seed, written_out, tf, ddsp):
    (lookup,) = written_out(STEM, "lookup")
    rng = np.random.default_rng(seed)
    # A hundredth of a step away from the table's own positions, where the slope jumps.
    phase = (rng.integers(0, 64, 300) + rng.uniform(0.01, 0.99, 300)) / 64
    table = rng.normal(size=64)

    def theirs(phase, table):
        return ddsp.core.linear_lookup(phase[None], table[None])[0]

    # ddsp finds the two neighbours by distances in float32, times 64.
    compare(tf, lookup, theirs, [phase, table], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", [1, 2])
def test_convolve(seed, written_out, tf, ddsp):
    (convolve,) = written_out(STEM, "convolve")
    rng = np.random.default_rng(seed)
    sound, ir = rng.normal(size=300), rng.normal(size=80)

    def theirs(sound, ir):
        return ddsp.core.fft_convolve(sound[None], ir[None], delay_compensation=0)[0]

    # Sums of 80 numbers around 1, through a transform and back.
    compare(tf, convolve, theirs, [sound, ir], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("seed", [1, 2])
def test_room(seed, written_out, tf, ddsp):
    (room,) = written_out(STEM, "room")
    length, dry = 2000, tf.zeros([1, 100])
    reverb = ddsp.effects.ExpDecayReverb(reverb_length=length, scale_fn=tf.identity)
    tf.random.set_seed(seed)
    noise = tf.random.uniform([1, length], minval=-1.0, maxval=1.0)[0]

    def theirs(gain, decay):
        tf.random.set_seed(seed)
        return reverb.get_controls(dry, gain=[[gain]], decay=[[decay]])["ir"][0]

    # The gradients are sums of 2000 numbers.
    compare(tf, lambda g, d: room(g, d, noise), theirs, [0.3, 1.2], rtol=1e-4, atol=1e-5)
