"""Optional reading: a training step in a fifth of ddsp's time, same gradients.

On 2 CPU cores ddsp takes 0.32 s for a training step with a batch of 4 x 1 s. More than half of that
goes to the harmonic oscillator and the GRU's gradient, which `oscillator` and `gru` replace.
Everything else is ddsp's own, compiled with XLA. benchmarks/training.py compares the two.
Training is explained in notebooks/03_train_your_own/00_train.ipynb.
"""

from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.fast import gru, oscillator


def speed_up(model):
    """Replace a model's oscillators and GRUs with the fast ones, and compile its call.

    The weights are not moved, so its checkpoints remain ordinary ddsp checkpoints.

    Args:
      model: `ddsp.training.models.Model`, already built.

    Returns:
      call: function (batch) -> (outputs, losses), like `model(batch, return_losses=True,
        training=True)`.
      noise_gain: `tf.Variable`, initially 1.0, the gain of the filtered noise during training.
    """
    noise_gain = tf.Variable(1.0, trainable=False)
    for layer in oscillator.oscillators(model):
        layer.get_signal = _oscillator_signal(layer)
    for layer in gru.grus(model):
        layer.call = gru.gru_layer(layer)
    for layer in model.submodules:
        if type(layer) is ddsp.synths.FilteredNoise:
            layer.get_signal = _times(noise_gain, layer.get_signal)
    # Without AutoGraph, which ddsp does not need, and which cannot parse the replaced methods.
    call = tf.function(
        lambda batch: model(batch, return_losses=True, training=True),
        jit_compile=True,
        autograph=False,
    )
    return call, noise_gain


def _oscillator_signal(layer):
    def get_signal(amplitudes, harmonic_distribution, f0_hz):
        return oscillator.harmonic_synthesis(
            f0_hz,
            amplitudes * harmonic_distribution,
            layer.n_samples,
            layer.sample_rate,
            amp_resample_method=layer.amp_resample_method,
        )

    return get_signal


def _times(gain, get_signal):
    return lambda *controls, **named: gain * get_signal(*controls, **named)
