"""You need not read this: CREPE's forward pass with a sixth of the multiplications, same output.

`crepe.build` is the same network in 25 lines, explained in
notebooks/02_timbre_transfer/04_pitch.ipynb. For `tiny`, 94 % of its 36 million multiplications
a frame are in the first two layers. Both are done in another way here:

1. Neighbouring frames share most of their samples, and before its relu the first layer is linear.
   So it is taken of the sound itself, once for all frames, in blocks of samples: a place near a
   frame's edge sees those blocks that lie in the frame, and no others. A frame's mean and
   standard deviation are put right afterwards.
2. A convolution is a product of spectra. With 128 places and fewer, Fourier's transform is a
   small matrix, and all that is left are products of matrices. Layers 3 to 6 go the same way.

Batch normalisation is folded into weights and biases. The output differs from the plain
network's by rounding: about 1e-6.
"""

import functools
from itertools import accumulate, pairwise

import numpy as np

from ddsp_course._tensorflow import tf

# Keras' padding: place p of layer 1 sees the samples 4 p - 254 to 4 p + 257 of a frame, and place
# p of each other layer sees the places p - 31 to p + 32 of the layer before.
STRIDE, BEFORE, BEFORE_NEXT = 4, 254, 31
# A mean of so many standard deviations costs 1e-5 of the answer, and ten times it ten times that.
LARGEST_OFFSET = 100


def fits(hop_size):
    """Return whether frames `hop_size` samples apart share blocks enough to be faster this way."""
    return hop_size % 16 == 0 and hop_size <= 512


def prepare(network, hop_size, n_batch):
    """Return a CREPE network, its weights as they are now, as a function of frames.

    Args:
      network: Keras model from `ddsp_course.crepe`.
      hop_size: samples from one frame to the next, for which `fits` is true.
      n_batch: the largest number of frames at once. Fewer take as long.

    Returns:
      A function of frames (n, 1024), not normalised, that returns
        activation: (n, 360) in 0..1.
        inexact: (n,) bool, True where a frame's offset is so large that rounding errors show.
    """
    weights = [weight.numpy() for weight in network.weights]
    layers = [_folded(*weights[6 * i : 6 * i + 6]) for i in range(6)]
    kernel, bias = weights[-2:]
    bias = bias + np.resize(layers[-1][-1], len(kernel)) @ kernel
    block_size = int(np.gcd(hop_size, 64))
    frame_size = network.input_shape[1]
    tables = (
        _first_layer(layers[0], block_size, frame_size),
        _other_layers(layers, frame_size),
        (kernel, bias),
    )
    tables = tf.nest.map_structure(lambda table: tf.constant(table, tf.float32), tables)

    def run(frames):
        # As `crepe.normalise` measures them.
        mean = frames.mean(axis=1, dtype=np.float32)
        deviation = np.clip((frames - mean[:, None]).std(axis=1), 1e-8, None)
        missing = n_batch - len(frames)
        audio = np.append(frames[0], frames[1:, -hop_size:])
        audio = tf.constant(np.pad(audio, (0, missing * hop_size)))
        measures = np.pad([mean, deviation], ((0, 0), (0, missing)), constant_values=1)
        activation = _network()(audio, tf.constant(measures.T), tables, hop_size // block_size)
        return activation[: len(frames)].numpy(), np.abs(mean) > LARGEST_OFFSET * deviation

    return run


def _folded(kernel, bias, gamma, beta, mean, variance):
    """Return a layer's kernel and bias times its batch normalisation's scale; the limits to which
    relu keeps what it has scaled, maybe by a negative number; and what it adds at the end."""
    scale = gamma / np.sqrt(variance + 1e-3)  # Keras' epsilon
    limits = np.where(scale < 0, -np.inf, 0), np.where(scale < 0, 0, np.inf)
    return kernel[:, 0] * scale, bias * scale, limits, beta - mean * scale


def _first_layer(layer, block_size, frame_size):
    """Return what layer 1 needs: filters, corrections, limits.

    filters (n_parts, block_size, places * n_filters): part d is what the places of a block take
    from the block d - n_parts // 2 further on. Even places come first, then odd ones, so that
    max-pooling compares two halves. corrections: for each block of a frame (2, places *
    n_filters), what its places owe to the frame's mean and to its standard deviation.
    """
    kernel, bias, limits, _ = layer
    width = len(kernel)
    reach = width // 2 // block_size
    part = np.arange(-reach, reach + 1)[:, None, None]
    place = np.arange(block_size // STRIDE).reshape(-1, 2).T.ravel()
    tap = part * block_size + np.arange(block_size)[:, None] - STRIDE * place + BEFORE
    # Beyond the filter's ends stands a row of zeros.
    kernel = np.append(kernel[:, 0], np.zeros_like(kernel[:1, 0]), axis=0)
    filters = kernel[np.where((tap >= 0) & (tap < width), tap, width)]
    filters = filters.reshape(2 * reach + 1, block_size, -1)
    sums = _sums_inside(list(filters.sum(axis=1)), frame_size // block_size)
    return filters, [np.stack([-inside, np.tile(bias, len(place))]) for inside in sums], limits


def _sums_inside(parts, n_blocks):
    """Return for each of a frame's `n_blocks` the sum of those parts that lie in the frame.

    parts: list of arrays; part d comes from the block d - len(parts) // 2 further on.
    """
    # Sums from either end, no differences: a loud neighbour leaves no rounding error behind.
    reach = len(parts) // 2
    from_first = list(accumulate(parts))[reach:]
    from_last = list(accumulate(parts[::-1]))[reach:]
    return [
        from_last[block] if block < reach else from_first[min(reach, n_blocks - 1 - block)]
        for block in range(n_blocks)
    ]


def _other_layers(layers, frame_size):
    """Return what layers 2 to 6 need, for each (forward, spectra, inverse, bias, limits).

    forward (2, n_bins, n_places) is Fourier's transform, real and imaginary part; spectra
    (n_bins, n_inputs, 2 * n_filters) that of the filters; inverse (n_places, 2 * n_bins) the way
    back; bias (n_places, 1, n_filters).
    """
    tables = []
    n_places = frame_size // STRIDE
    for (*_, added), (kernel, bias, limits, _) in pairwise(layers):
        n_places //= 2
        place, offset = np.arange(n_places), np.arange(len(kernel)) - BEFORE_NEXT
        # What the layer before adds, it adds everywhere but to the zeros around a frame.
        origin = place[:, None] + offset
        bias = bias + ((origin >= 0) & (origin < n_places)) @ (added @ kernel)
        # On a circle, zeros for half a filter's width serve both ends.
        size = n_places + min(len(kernel) // 2, n_places)
        used = np.abs(offset) < n_places
        circle = np.zeros((size, *kernel.shape[1:]), np.float32)
        circle[-offset[used]] = kernel[used]
        spectra = np.fft.rfft(circle, axis=0)
        angle = 2 * np.pi / size * np.outer(np.arange(size // 2 + 1), place)
        forward = np.stack([np.cos(angle), -np.sin(angle)])
        inverse = forward * 2 / size
        inverse[:, [0, -1]] /= 2  # the bins without a mirror image
        inverse = inverse.reshape(-1, n_places).T
        spectra = np.append(spectra.real, spectra.imag, axis=-1)
        tables.append((forward, spectra, inverse, bias[:, None], limits))
    return tables


@functools.cache
def _network():
    """Return the compiled network, a function of audio, measures, tables and blocks a step."""

    def limit(x, limits):
        return tf.minimum(tf.maximum(x, limits[0]), limits[1])

    def first(audio, measures, filters, corrections, limits, step):
        n_frames, reach, block_size = measures.shape[0], filters.shape[0] // 2, filters.shape[1]
        blocks = tf.reshape(tf.pad(audio, [[reach * block_size] * 2]), (-1, block_size))
        n_blocks = blocks.shape[0] - 2 * reach
        parts = [blocks[d : d + n_blocks] @ filters[d] for d in range(2 * reach + 1)]
        sums, n_filters = _sums_inside(parts, len(corrections)), limits[0].shape[0]

        def pool(x):
            x = tf.reshape(tf.maximum(*tf.split(x, 2, axis=1)), (x.shape[0], -1, n_filters))
            return tf.transpose(x, (1, 0, 2))

        # Places that see all parts owe the mean the same, and so are pooled once for all frames.
        whole = pool(sums[len(sums) // 2])
        places = []
        for block, correction in enumerate(corrections):
            rows = slice(block, block + (n_frames - 1) * step + 1, step)
            if reach <= block < len(sums) - reach:
                places.append(whole[:, rows] + measures @ correction[:, :n_filters])
            else:
                places.append(pool(sums[block][rows] + measures @ correction))
        return limit(tf.concat(places, axis=0), limits)

    def convolve(x, forward, spectra, inverse):
        real, imaginary = (tf.tensordot(part, x, 1) @ spectra for part in tf.unstack(forward))
        (a, b), (c, d) = (tf.split(part, 2, axis=-1) for part in (real, imaginary))
        return tf.tensordot(inverse, tf.concat([a - d, b + c], axis=0), 1)

    @tf.function(autograph=False)
    def network(audio, measures, tables, step):
        layer_1, others, (kernel, bias) = tables
        # (places, n_frames, filters), times each frame's standard deviation.
        x = first(audio, measures, *layer_1, step)
        deviation = measures[:, 1:]
        for forward, spectra, inverse, bias_here, limits in others:
            x = convolve(x, forward, spectra, inverse) / deviation + bias_here
            x = limit(tf.maximum(x[0::2], x[1::2]), limits)
            deviation = 1.0
        x = tf.reshape(tf.transpose(x, (1, 0, 2)), (x.shape[1], -1))
        return tf.sigmoid(x @ kernel + bias)

    return network
