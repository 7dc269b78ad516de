"""Optional reading: a GRU and its gradient in a fraction of Keras's time, same output.

Keras's gradient goes back through thousands of small operations; here most of them run for all time
steps at once. benchmarks/training.py compares the two. GRUs are explained in
notebooks/02_timbre_transfer/07_understanding_the_model.ipynb.
"""

from ddsp_course._tensorflow import tf


def grus(model):
    """Return the layers of a model that `gru` can replace."""
    return [
        layer
        for layer in model.submodules
        if type(layer) is tf.keras.layers.GRU
        and (layer.return_sequences and not layer.return_state and not layer.go_backwards)
        and (layer.cell.reset_after and layer.cell.use_bias)
    ]


def gru(inputs, recurrent_kernel, recurrent_bias):
    """Compute a GRU's states, with a gradient written by hand.

    The backward loop computes only the gates' gradients. The gradient of the weights is then one
    large matrix product instead of a sum over time steps.
    Cho et al., EMNLP 2014, in Keras's variant (`reset_after=True`).

    Args:
      inputs: (batch, n_steps, 3 * units), inputs times kernel plus bias; the gates are in the
        order update, reset, new.
      recurrent_kernel: (units, 3 * units).
      recurrent_bias: (3 * units,).

    Returns:
      (batch, n_steps, units).
    """

    @tf.custom_gradient
    def run(inputs, kernel, bias):
        rows = tf.transpose(inputs, [1, 0, 2])
        rest = tf.zeros_like(rows[0, :, : kernel.shape[0]])
        before, after, recurrent = _walk(rows, kernel, bias, rest)

        def gradient(upstream):
            upstream = tf.transpose(upstream, [1, 0, 2])
            return _gradient(upstream, rows, kernel, before, recurrent)

        return tf.transpose(after, [1, 0, 2]), gradient

    return run(inputs, tf.convert_to_tensor(recurrent_kernel), tf.convert_to_tensor(recurrent_bias))


def gru_layer(layer):
    """Return a replacement for the `call` of a Keras GRU, one of `grus`, for training."""

    def call(sequences, **_):
        return gru(*_inputs(layer, sequences))

    return call


def gru_states(layer, sequences, state):
    """Compute the states of a Keras GRU that continues from a given state, without a gradient.

    (TensorFlow keeps every graph that has a custom gradient until the program ends.)

    Args:
      layer: one of `grus`.
      sequences: (batch, n_steps, n).
      state: (batch, units).

    Returns:
      (batch, n_steps, units).
    """
    inputs, kernel, bias = _inputs(layer, sequences)
    _, after, _ = _walk(tf.transpose(inputs, [1, 0, 2]), kernel, bias, state)
    return tf.transpose(after, [1, 0, 2])


def _walk(rows, kernel, bias, state):
    """Run a GRU forward.

    Returns:
      before, after: (n_steps, batch, units) each, the states before and after each step.
      recurrent: (n_steps, batch, 3 * units), state times kernel plus bias.
    """
    n_steps = rows.shape[0]

    def step(t, state, states, recurrents):
        recurrent = tf.matmul(state, kernel) + bias
        update, _, new = _gates(rows[t], recurrent)
        states, recurrents = states.write(t, state), recurrents.write(t, recurrent)
        return t + 1, update * state + (1 - update) * new, states, recurrents

    start = (0, state, tf.TensorArray(tf.float32, n_steps), tf.TensorArray(tf.float32, n_steps))
    _, last, states, recurrents = tf.while_loop(
        lambda t, *_: t < n_steps, step, start, maximum_iterations=n_steps
    )
    before = states.stack()
    return before, tf.concat([before[1:], last[None]], axis=0), recurrents.stack()


def _gradient(upstream, rows, kernel, before, recurrent):
    """Return the gradients of `gru`'s inputs, kernel and bias. Time is the first axis of all."""
    n_steps, _, units = before.shape
    # Everything that does not depend on the backward loop is computed for all steps at once.
    update, reset, new = _gates(rows, recurrent)
    to_update = (before - new) * update * (1 - update)
    to_new = (1 - update) * (1 - new**2)
    to_reset = to_new * recurrent[..., 2 * units :] * reset * (1 - reset)
    slopes = tf.concat([to_update, to_reset, to_new * reset], axis=2)

    def step(t, d_state, d_states):
        d_state = d_state + upstream[t]
        d_states = d_states.write(t, d_state)
        d_gates = tf.tile(d_state, [1, 3]) * slopes[t]
        d_state = d_state * update[t] + tf.matmul(d_gates, kernel, transpose_b=True)
        return t - 1, d_state, d_states

    start = (n_steps - 1, tf.zeros_like(before[0]), tf.TensorArray(tf.float32, n_steps))
    *_, d_states = tf.while_loop(lambda t, *_: t >= 0, step, start, maximum_iterations=n_steps)
    d_states = d_states.stack()
    d_recurrent = tf.tile(d_states, [1, 1, 3]) * slopes
    d_inputs = tf.concat([d_recurrent[..., : 2 * units], d_states * to_new], axis=2)
    flat = tf.reshape(d_recurrent, [-1, 3 * units])
    d_kernel = tf.matmul(tf.reshape(before, [-1, units]), flat, transpose_a=True)
    return tf.transpose(d_inputs, [1, 0, 2]), d_kernel, tf.reduce_sum(flat, axis=0)


def _inputs(layer, sequences):
    """Return the arguments of `gru` for a Keras GRU and its input."""
    bias, recurrent_bias = tf.unstack(layer.cell.bias)
    inputs = tf.matmul(sequences, layer.cell.kernel) + bias
    return inputs, layer.cell.recurrent_kernel, recurrent_bias


def _gates(inputs, recurrent):
    """Return update, reset and new, each (..., units)."""
    update, reset, new = tf.split(inputs, 3, axis=-1)
    recurrent_update, recurrent_reset, recurrent_new = tf.split(recurrent, 3, axis=-1)
    reset = tf.sigmoid(reset + recurrent_reset)
    return tf.sigmoid(update + recurrent_update), reset, tf.tanh(new + reset * recurrent_new)
