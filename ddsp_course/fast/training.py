"""You need not read this: a training step in a fifth of ddsp's time, same gradients.

On 2 CPU cores a training step of batch 4 x 1 s takes ddsp 0.32 s, and more than half of it in two
places: the harmonic oscillator and the GRU's gradient, which `oscillator` and `gru` replace. All else
is ddsp's own, compiled whole by XLA. Compare both with benchmarks/training.py.
Training is explained in notebooks/03_train_your_own/00_train.ipynb.
"""

from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.fast import gru, oscillator


def speed_up(model):
    """Give a built model the fast oscillators and GRUs, and compile its call.

    The weights stay where they are, and so a checkpoint of the model is any ddsp model's.

    Args:
      model: `ddsp.training.models.Model`, built.

    Returns:
      call: function (batch) -> (outputs, losses), as `model(batch, return_losses=True,
        training=True)`.
      noise_gain: `tf.Variable`, 1.0, by which filtered noise is multiplied while training.
    """
    noise_gain = tf.Variable(1.0, trainable=False)
    for layer in oscillator.oscillators(model):
        layer.get_signal = _oscillator_signal(layer)
    for layer in gru.grus(model):
        layer.call = gru.gru_layer(layer)
    for layer in model.submodules:
        if type(layer) is ddsp.synths.FilteredNoise:
            layer.get_signal = _times(noise_gain, layer.get_signal)
    # Without AutoGraph, which ddsp does not need, and which cannot read all of what it meets here.
    call = tf.function(
        lambda batch: model(batch, return_losses=True, training=True),
        jit_compile=True,
        autograph=False,
    )
    return call, noise_gain


def _oscillator_signal(layer):
    def get_signal(amplitudes, harmonic_distribution, f0_hz):
        return oscillator.harmonic_synthesis(
            f0_hz, amplitudes * harmonic_distribution, layer.n_samples, layer.sample_rate
        )

    return get_signal


def _times(gain, get_signal):
    return lambda *controls, **named: gain * get_signal(*controls, **named)
