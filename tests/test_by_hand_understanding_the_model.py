"""What notebook 07_understanding_the_model writes out by hand is what ddsp and Keras compute."""

import numpy as np
import pytest

NOTEBOOK = "07_understanding_the_model"
SEEDS = [1, 2]


@pytest.fixture(scope="module")
def by_hand(written_out):
    """A way to have one function, with those that it needs."""
    return lambda *names: written_out(NOTEBOOK, *names)[-1]


@pytest.mark.parametrize("seed", SEEDS)
def test_scale_is_the_preprocessors(seed, by_hand, ddsp):
    rng = np.random.default_rng(seed)
    f0_hz = rng.uniform(30, 4000, (2, 100)).astype(np.float32)
    loudness_db = rng.uniform(-80, 20, (2, 100)).astype(np.float32)
    f0_scaled, ld_scaled = by_hand("scale")(f0_hz, loudness_db)
    theirs = ddsp.training.preprocessing.F0LoudnessPreprocessor(100, compute_loudness=False)(
        {"f0_hz": f0_hz, "loudness_db": loudness_db}
    )
    # ddsp takes two float32 logarithms apart, of up to 14 each: a thousandth of a semitone.
    np.testing.assert_allclose(f0_scaled, theirs["f0_scaled"], atol=1e-5)
    # One division and one addition in float32.
    np.testing.assert_allclose(ld_scaled, theirs["ld_scaled"], atol=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_fc_and_stack(seed, by_hand, ddsp):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(40, 3)).astype(np.float32)
    theirs = ddsp.training.nn.FcStack(ch=32, layers=3)
    theirs(x)
    # Random gains and shifts, too: fresh ones are 1 and 0, and would hide a mistake.
    for weight in theirs.weights:
        weight.assign(rng.normal(size=weight.shape))
    weights = [weight.numpy() for weight in theirs.weights]
    # Sums of 32 float32 products, which a layer norm brings back to size 1.
    one = by_hand("fc")(x, *weights[:4])
    np.testing.assert_allclose(one, theirs.layers[0](x), atol=1e-4)
    np.testing.assert_allclose(by_hand("fc", "fc_stack")(x, weights), theirs(x), atol=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_rnn_is_keras_simple_rnn(seed, by_hand, tf):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 5)).astype(np.float32)
    layer = tf.keras.layers.SimpleRNN(7, return_sequences=True)
    layer(x[None])
    layer.set_weights([rng.normal(size=weight.shape) * 0.4 for weight in layer.weights])
    weights = [weight.numpy() for weight in layer.weights]
    # States between -1 and 1; rounding of the first frames is carried on.
    np.testing.assert_allclose(by_hand("rnn")(x, *weights), layer(x[None])[0], atol=1e-5)


@pytest.mark.parametrize("seed", SEEDS)
def test_gru_is_keras_gru_with_both_biases(seed, by_hand, tf):
    gru = by_hand("sigmoid", "gru")
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(60, 5)).astype(np.float32)
    layer = tf.keras.layers.GRU(7, return_sequences=True)
    layer(x[None])
    layer.set_weights([rng.normal(size=weight.shape) * 0.7 for weight in layer.weights])
    states, gates = gru(x, *[weight.numpy() for weight in layer.weights])
    # As for the RNN.
    np.testing.assert_allclose(states, layer(x[None])[0], atol=1e-5)
    assert gates.shape == (60, 7)
    assert np.all((gates > 0) & (gates < 1))


@pytest.mark.parametrize(("ch", "layers", "units", "inputs"), [(8, 1, 5, 2), (16, 3, 32, 3)])
def test_weights_are_counted_as_keras_counts_them(ch, layers, units, inputs, by_hand, ddsp):
    count = by_hand("dense", "stack", "gru_weights", "decoder_weights")
    keys = [f"input_{i}" for i in range(inputs)]
    decoder = ddsp.training.decoders.RnnFcDecoder(
        rnn_channels=units,
        ch=ch,
        layers_per_stack=layers,
        input_keys=keys,
        output_splits=(("amps", 1), ("harmonic_distribution", 9)),
    )
    decoder({key: np.zeros((1, 4, 1), np.float32) for key in keys})
    assert count(ch, layers, units, inputs=inputs, n_out=10) == decoder.count_params()


def test_violins_decoder_in_numpy(written_out, violin):
    decoder = violin.model.decoder
    rng = np.random.default_rng(1)
    f0_hz = 440 * 2 ** rng.uniform(-0.5, 0.5, 300)
    loudness_db = rng.uniform(-60, 0, 300)
    fc_stack = written_out(NOTEBOOK, "fc", "fc_stack")[-1]
    gru = written_out(NOTEBOOK, "sigmoid", "gru")[-1]
    f0_scaled, ld_scaled = written_out(NOTEBOOK, "scale")[0](f0_hz, loudness_db)

    def weights(block):
        return [weight.numpy() for weight in block.weights]

    # The network in plain NumPy, from the functions that the notebook writes out.
    stacks = [
        fc_stack(x[0], weights(part))
        for part, x in zip(decoder.input_stacks, (ld_scaled, f0_scaled), strict=True)
    ]
    states, _ = gru(np.concatenate(stacks, axis=-1), *weights(decoder.rnn))
    out = fc_stack(np.concatenate([*stacks, states], axis=-1), weights(decoder.out_stack))
    kernel, bias = weights(decoder.dense_out)
    theirs = decoder({"f0_scaled": f0_scaled, "ld_scaled": ld_scaled})
    theirs = np.concatenate([theirs[name] for name, _ in decoder.output_splits], axis=-1)[0]
    # Raw numbers of up to 20; the gates turn small differences into larger ones at steps.
    np.testing.assert_allclose(out @ kernel + bias, theirs, atol=1e-2)
