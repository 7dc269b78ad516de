"""The two parts of a ddsp autoencoder that take most of its time, in less of it.

On 2 CPU cores a training step of batch 4 x 1 s takes 0.34 s, and more than half of it in two
places. The harmonic oscillator carries 60 amplitudes a frame up to 60 a sample, and multiplies
and differentiates each; the GRU's gradient walks back through thousands of small operations.
Both are written out here so that the same sums are done in another order. Everything else is
ddsp's own, compiled whole by XLA. Compare them with benchmarks/training.py, and, for playing, with
benchmarks/playing.py. Explained in notebooks/03_train_your_own/00_train.ipynb.
"""

import math

from ddsp_course import _tensorflow


def speed_up(model):
    """Make a built model's harmonic oscillators and GRUs the fast ones, and compile its call.

    The weights stay where they are, and so a checkpoint of the model is any ddsp model's.

    Args:
      model: `ddsp.training.models.Model`, built.

    Returns:
      call: function (batch) -> (outputs, losses), as `model(batch, return_losses=True,
        training=True)`.
      noise_gain: `tf.Variable`, 1.0, by which filtered noise is multiplied while training.
    """
    tf = _tensorflow.load()
    ddsp = _tensorflow.load_ddsp()
    noise_gain = tf.Variable(1.0, trainable=False)
    for layer in oscillators(model):
        layer.get_signal = _oscillator(layer)
    for layer in grus(model):
        layer.call = _gru_layer(layer)
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


def oscillators(model):
    """Return those of a model's layers for which `harmonic_synthesis` can stand in."""
    ddsp = _tensorflow.load_ddsp()
    return [
        layer
        for layer in model.submodules
        if type(layer) is ddsp.synths.Harmonic and layer.amp_resample_method == "window"
    ]


def grus(model):
    """Return those of a model's layers for which `gru` can stand in."""
    tf = _tensorflow.load()
    return [
        layer
        for layer in model.submodules
        if type(layer) is tf.keras.layers.GRU
        and (layer.return_sequences and not layer.return_state and not layer.go_backwards)
        and (layer.cell.reset_after and layer.cell.use_bias)
    ]


def harmonic_synthesis(f0_hz, harmonic_amplitudes, n_samples, sample_rate=16000, phase=0.0):
    """Return what `ddsp.core.harmonic_synthesis` does, as one small matrix product a frame.

    Between two frames an amplitude fades over by half a Hann window. So a frame's samples are
    (1 - w) S a_t + w S a_t+1, where S holds the harmonics' sines: the amplitudes need not be
    carried up to the sample rate, and their gradient is S transposed. No gradient reaches f0.
    Section 3.2 of Engel et al., ICLR 2020.

    Args:
      f0_hz: (batch, n_frames, 1).
      harmonic_amplitudes: (batch, n_frames, n_harmonics).
      n_samples: a multiple of n_frames.
      sample_rate: in Hz.
      phase: of the fundamental at the beginning, in cycles, float64.

    Returns:
      (batch, n_samples).
    """
    tf = _tensorflow.load()
    n_frames, n_harmonics = harmonic_amplitudes.shape[1:]
    hop_size = n_samples // n_frames
    f0_hz = tf.stop_gradient(tf.cast(f0_hz, tf.float32))
    hz, turns, before = cycles(f0_hz, hop_size, sample_rate)
    before = tf.cast((phase + before) % 1.0, tf.float32)
    k = tf.range(1, n_harmonics + 1, dtype=tf.float32)
    angle = ((turns + before[..., None]) % 1.0)[..., None] * k
    sines = tf.sin(2 * math.pi * (angle % 1.0))
    sines = tf.where(hz[..., None] * k < sample_rate / 2, sines, 0.0)
    last = harmonic_amplitudes[:, -1:]
    following = tf.concat([harmonic_amplitudes[:, 1:], last], axis=1)
    both = tf.matmul(sines, tf.stack([harmonic_amplitudes, following], axis=3))
    fade = 0.5 - 0.5 * tf.cos(math.pi * tf.range(hop_size, dtype=tf.float32) / hop_size)
    audio = both[..., 0] * (1 - fade) + both[..., 1] * fade
    return tf.reshape(audio, [-1, n_samples])


def cycles(f0_hz, hop_size, sample_rate=16000):
    """Count how often a fundamental turns, so that its phase stays exact however long it sounds.

    Turns are counted within a frame, and before it in double precision.

    Args:
      f0_hz: (batch, n_frames, 1) float32.
      hop_size: samples a frame.
      sample_rate: in Hz.

    Returns:
      hz: (batch, n_frames, hop_size), the pitch at each sample.
      turns: (batch, n_frames, hop_size), cycles from the frame's beginning to after each sample.
      before: (batch, n_frames) float64, cycles before each frame.
    """
    tf = _tensorflow.load()
    along = tf.range(hop_size, dtype=tf.float32) / hop_size
    next_hz = tf.concat([f0_hz[:, 1:], f0_hz[:, -1:]], axis=1)
    hz = f0_hz * (1 - along) + next_hz * along
    turns = tf.cumsum(hz / sample_rate, axis=2)
    # The sum of hop_size steps from one value towards the next.
    here, there = tf.cast(f0_hz[..., 0], tf.float64), tf.cast(next_hz[..., 0], tf.float64)
    a_frame = (here * hop_size + (there - here) * (hop_size - 1) / 2) / sample_rate
    return hz, turns, tf.cumsum(a_frame, axis=1, exclusive=True)


def gru(inputs, recurrent_kernel, recurrent_bias):
    """Return a GRU's states, with a gradient written by hand.

    The walk back in time finds each gate's gradient alone; the weights' gradient is then one
    large matrix product, and not the sum of one a time step.
    Cho et al., EMNLP 2014, in the variant of Keras (`reset_after=True`).

    Args:
      inputs: (batch, n_steps, 3 * units), the inputs times the kernel, plus the bias; gates in
        the order update, reset, new.
      recurrent_kernel: (units, 3 * units).
      recurrent_bias: (3 * units,).

    Returns:
      (batch, n_steps, units).
    """
    tf = _tensorflow.load()
    units = recurrent_kernel.shape[0]
    n_steps = inputs.shape[1]

    @tf.custom_gradient
    def run(inputs, kernel, bias):
        rows = tf.transpose(inputs, [1, 0, 2])

        def forward(t, state, states, recurrents):
            recurrent = tf.matmul(state, kernel) + bias
            states = states.write(t, state)
            recurrents = recurrents.write(t, recurrent)
            update, _, new = _gates(rows[t], recurrent, units)
            return t + 1, update * state + (1 - update) * new, states, recurrents

        def room():
            return tf.TensorArray(tf.float32, n_steps)

        first = tf.zeros_like(rows[0, :, :units])
        _, final, states, recurrents = tf.while_loop(
            lambda t, *_: t < n_steps, forward, (0, first, room(), room()),
            maximum_iterations=n_steps,
        )  # fmt: skip
        before, recurrent = states.stack(), recurrents.stack()
        after = tf.concat([before[1:], final[None]], axis=0)

        def gradient(upstream):
            upstream = tf.transpose(upstream, [1, 0, 2])
            # All that does not depend on the walk is found for all steps at once.
            update, reset, new = _gates(rows, recurrent, units)
            to_update = (before - new) * update * (1 - update)
            to_new = (1 - update) * (1 - new**2)
            to_reset = to_new * recurrent[..., 2 * units :] * reset * (1 - reset)
            slopes = tf.concat([to_update, to_reset, to_new * reset], axis=2)

            def backward(t, d_state, d_states):
                d_state = d_state + upstream[t]
                d_states = d_states.write(t, d_state)
                d_gates = tf.tile(d_state, [1, 3]) * slopes[t]
                d_state = d_state * update[t] + tf.matmul(d_gates, kernel, transpose_b=True)
                return t - 1, d_state, d_states

            *_, d_states = tf.while_loop(
                lambda t, *_: t >= 0, backward, (n_steps - 1, tf.zeros_like(first), room()),
                maximum_iterations=n_steps,
            )  # fmt: skip
            d_states = d_states.stack()
            d_recurrent = tf.tile(d_states, [1, 1, 3]) * slopes
            d_inputs = tf.concat([d_recurrent[..., : 2 * units], d_states * to_new], axis=2)
            flat = tf.reshape(d_recurrent, [-1, 3 * units])
            d_kernel = tf.matmul(tf.reshape(before, [-1, units]), flat, transpose_a=True)
            return tf.transpose(d_inputs, [1, 0, 2]), d_kernel, tf.reduce_sum(flat, axis=0)

        return tf.transpose(after, [1, 0, 2]), gradient

    return run(inputs, tf.convert_to_tensor(recurrent_kernel), tf.convert_to_tensor(recurrent_bias))


def gru_states(layer, sequences, state):
    """Return the states of a Keras GRU that goes on from another, without a gradient.

    (TensorFlow keeps each graph with a gradient of one's own until the program ends.)

    Args:
      layer: one of `grus`.
      sequences: (batch, n_steps, n).
      state: (batch, units).

    Returns:
      (batch, n_steps, units).
    """
    tf = _tensorflow.load()
    rows, kernel, bias = _inputs(layer, sequences)
    rows = tf.transpose(rows, [1, 0, 2])

    def step(t, state, states):
        update, _, new = _gates(rows[t], tf.matmul(state, kernel) + bias, layer.units)
        state = update * state + (1 - update) * new
        return t + 1, state, states.write(t, state)

    n_steps = rows.shape[0]
    *_, states = tf.while_loop(
        lambda t, *_: t < n_steps, step, (0, state, tf.TensorArray(tf.float32, n_steps)),
        maximum_iterations=n_steps,
    )  # fmt: skip
    return tf.transpose(states.stack(), [1, 0, 2])


def _inputs(layer, sequences):
    """Return what `gru` takes of a Keras GRU and what it reads."""
    tf = _tensorflow.load()
    bias, recurrent_bias = tf.unstack(layer.cell.bias)
    inputs = tf.matmul(sequences, layer.cell.kernel) + bias
    return inputs, layer.cell.recurrent_kernel, recurrent_bias


def _gates(inputs, recurrent, units):
    """Return update, reset and new, each (..., units)."""
    tf = _tensorflow.load()
    gates = tf.sigmoid(inputs[..., : 2 * units] + recurrent[..., : 2 * units])
    update, reset = gates[..., :units], gates[..., units:]
    new = tf.tanh(inputs[..., 2 * units :] + reset * recurrent[..., 2 * units :])
    return update, reset, new


def _oscillator(layer):
    def get_signal(amplitudes, harmonic_distribution, f0_hz):
        amplitudes = amplitudes * harmonic_distribution
        return harmonic_synthesis(f0_hz, amplitudes, layer.n_samples, layer.sample_rate)

    return get_signal


def _times(gain, get_signal):
    return lambda *controls, **named: gain * get_signal(*controls, **named)


def _gru_layer(layer):
    def call(sequences, **_):
        return gru(*_inputs(layer, sequences))

    return call
