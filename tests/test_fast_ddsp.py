"""The fast oscillator and GRU give what ddsp's and Keras' do, and their gradients."""

import numpy as np
import pytest

from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.fast import gru, oscillator

pytestmark = pytest.mark.tensorflow


@pytest.mark.parametrize("method", ["window", "linear"])
def test_fast_harmonics_are_ddsps(method):
    rng = np.random.default_rng(0)
    # A tenth of a second, in which ddsp's float32 phases do not drift yet.
    f0_hz = tf.constant(200 * 2 ** np.cumsum(rng.normal(0, 0.1, (2, 25, 1)), axis=1), tf.float32)
    amplitudes = tf.constant(rng.uniform(0, 1, (2, 25, 20)) / 20, tf.float32)
    weights = tf.constant(rng.standard_normal((2, 1600)), tf.float32)

    def plain(amplitudes):
        return ddsp.core.harmonic_synthesis(
            f0_hz,
            tf.ones_like(f0_hz),
            harmonic_distribution=amplitudes,
            n_samples=1600,
            amp_resample_method=method,
        )

    def fast(amplitudes):
        return oscillator.harmonic_synthesis(f0_hz, amplitudes, 1600, amp_resample_method=method)

    results = []
    for synthesis in (plain, fast):
        with tf.GradientTape() as tape:
            tape.watch(amplitudes)
            sound = synthesis(amplitudes)
            total = tf.reduce_sum(sound * weights)
        results.append((sound.numpy(), tape.gradient(total, amplitudes).numpy()))
    (sound, gradient), (fast_sound, fast_gradient) = results
    # 40 turns of the 20th harmonic in float32, of an amplitude of 1 in all.
    np.testing.assert_allclose(fast_sound, sound, atol=2e-3)
    # Gradients are up to 20 in size here.
    np.testing.assert_allclose(fast_gradient, gradient, atol=0.1)


def test_fast_phases_stay_exact_over_a_second():
    f0_hz, n_harmonics = 440.0, 12
    amplitudes = np.full((1, 250, n_harmonics), 1 / n_harmonics, np.float32)
    sound = oscillator.harmonic_synthesis(
        np.full((1, 250, 1), f0_hz, np.float32), amplitudes, 16000
    )
    t = np.arange(1, 16001) / 16000
    k = np.arange(1, n_harmonics + 1)[:, None]
    exact = np.sin(2 * np.pi * f0_hz * k * t).mean(axis=0)
    # ddsp's own is off by 0.05 here with use_angular_cumsum, and by more without.
    np.testing.assert_allclose(sound[0], exact, atol=5e-3)


def test_fast_gru_is_keras_with_its_gradients():
    layer = tf.keras.layers.GRU(16, return_sequences=True)
    rng = np.random.default_rng(1)
    inputs = tf.constant(rng.standard_normal((3, 40, 5)), tf.float32)
    layer(inputs)
    layer.set_weights([0.3 * rng.standard_normal(w.shape) for w in layer.get_weights()])
    results = []
    for call in (layer, gru.gru_layer(layer)):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            states = call(inputs)
            total = tf.reduce_sum(states**2)
        gradients = tape.gradient(total, [inputs, *layer.trainable_variables])
        results.append([states, *gradients])
    for plain, quick in zip(*results, strict=True):
        # float32, 40 steps deep.
        np.testing.assert_allclose(quick, plain, atol=2e-4)
