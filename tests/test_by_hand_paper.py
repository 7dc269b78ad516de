"""What notebook 05_paper writes out by hand is what ddsp computes."""

import numpy as np
import pytest

NOTEBOOK = "05_paper"


def two_sounds(seed, n_samples=5000):
    """Noise with a floor everywhere, so that no logarithm is of nearly 0; (n_samples,) each."""
    rng = np.random.default_rng(seed)
    fade = np.linspace(0.1, 1, n_samples)
    return [(fade * rng.normal(size=n_samples)).astype(np.float32) for _ in range(2)]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_spectral_loss_is_ddsps(seed, alpha, written_out, ddsp, tf):
    spectral_loss = written_out(NOTEBOOK, "magnitudes", "log", "spectral_loss")[-1]
    theirs = ddsp.losses.SpectralLoss(mag_weight=1.0, logmag_weight=alpha)
    target, sound = two_sounds(seed)
    sound = tf.constant(sound)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(sound)
        a = spectral_loss(target, sound, alpha=alpha)
        b = theirs(target[None], sound[None])
    # The same float32 operations; only sums may be taken in another order.
    np.testing.assert_allclose(a, b, rtol=1e-5)
    a, b = tape.gradient(a, sound).numpy(), tape.gradient(b, sound).numpy()
    # The phase of a nearly silent bin, and so its gradient's direction, is rounded.
    np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max())


def test_spectral_loss_of_silence_is_ddsps(written_out, ddsp):
    spectral_loss = written_out(NOTEBOOK, "magnitudes", "log", "spectral_loss")[-1]
    theirs = ddsp.losses.SpectralLoss(mag_weight=1.0, logmag_weight=1.0)
    target, silence = two_sounds(3)[0], np.zeros(5000, np.float32)
    a, b = spectral_loss(target, silence), theirs(target[None], silence[None])
    np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize("seed", [1, 2])
def test_harmonic_amplitudes_are_ddsps_amplitude_times_distribution(seed, written_out, ddsp, tf):
    harmonic_amplitudes = written_out(NOTEBOOK, "exp_sigmoid", "harmonic_amplitudes")[-1]
    rng = np.random.default_rng(seed)
    amps = tf.constant(rng.normal(size=(1, 50, 1)), tf.float32)
    distribution = tf.constant(rng.normal(size=(1, 50, 60)), tf.float32)
    f0_hz = tf.constant(rng.uniform(50, 2000, (1, 50, 1)), tf.float32)
    wanted = tf.constant(rng.uniform(0, 1, (1, 50, 60)), tf.float32)
    synth = ddsp.synths.Harmonic(sample_rate=16000)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([amps, distribution])
        ours = harmonic_amplitudes(amps, distribution, f0_hz)
        controls = synth.get_controls(amps, distribution, f0_hz)
        theirs = controls["amplitudes"] * controls["harmonic_distribution"]
        ours_loss, theirs_loss = (tf.reduce_sum((x - wanted) ** 2) for x in (ours, theirs))
    # Both in float32; the power of the sigmoid is rounded in the last places.
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-7)
    for raw in (amps, distribution):
        a, b = (tape.gradient(loss, raw).numpy() for loss in (ours_loss, theirs_loss))
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5 * np.abs(b).max())


def test_mix_is_ddsps_sum_of_two_parts(written_out, ddsp, tf):
    (mix,) = written_out(NOTEBOOK, "mix")
    harmonic, noise = (tf.constant(sound) for sound in two_sounds(4))
    add = ddsp.processors.Add()
    with tf.GradientTape(persistent=True) as tape:
        tape.watch([harmonic, noise])
        ours = tf.reduce_sum(mix(harmonic, noise) ** 2)
        theirs = tf.reduce_sum(add(harmonic[None], noise[None]) ** 2)
    np.testing.assert_array_equal(mix(harmonic, noise), add(harmonic[None], noise[None])[0])
    for part in (harmonic, noise):
        np.testing.assert_allclose(
            tape.gradient(ours, part), tape.gradient(theirs, part), rtol=1e-6
        )


@pytest.mark.parametrize("seed", [1, 2])
def test_in_room_is_ddsps_reverb(seed, written_out, ddsp):
    (in_room,) = written_out(NOTEBOOK, "in_room")
    dry, (impulse_response, _) = two_sounds(seed)[0], two_sounds(seed + 10, 1234)
    theirs = ddsp.effects.Reverb(reverb_length=1234)(dry[None], impulse_response[None])[0]
    # Sums of 1234 numbers around 1, through a transform and back; ddsp's in float32.
    np.testing.assert_allclose(in_room(dry, impulse_response), theirs, atol=1e-3)
    assert in_room(dry, None) is dry


def test_violin_is_the_sum_of_its_harmonics_and_its_noise_in_its_room(written_out, violin):
    mix, in_room = written_out(NOTEBOOK, "mix", "in_room")
    curves = {
        "f0_hz": np.linspace(200, 800, 2000, dtype=np.float32)[None],
        "loudness_db": np.linspace(-70, -10, 2000, dtype=np.float32)[None],
    }
    outputs = violin.model(curves, training=False)
    dry = mix(*(outputs[name]["signal"] for name in ("harmonic", "filtered_noise")))
    # One addition in float32.
    np.testing.assert_allclose(dry, outputs["add"]["signal"], atol=1e-6)
    played = in_room(dry[0].numpy(), violin.player.impulse_response)
    # ddsp's transform is in float32.
    np.testing.assert_allclose(played, outputs["audio_synth"][0], atol=1e-4)
