"""Optional reading: CREPE's forward pass with a sixth of the multiplications, same output.

`crepe.build` is the same network in 25 lines, explained in
notebooks/02_timbre_transfer/04_pitch.ipynb. In `tiny`, the first two layers account for 94 % of the
36 million multiplications per frame. Here they are computed differently:

1. Neighbouring frames share most of their samples, and the first layer is linear up to its ReLU. So
   it is applied to the audio itself, once for all frames, in blocks of samples. A position near a
   frame's edge sums only the blocks inside the frame. The normalisation by the frame's mean and
   standard deviation is applied afterwards.
2. A convolution is a product of spectra. For 128 positions or fewer, the Fourier transform is a
   small matrix, so only matrix products remain. Layers 3 to 6 work the same way.

Batch normalisation is folded into weights and biases. The output differs from the plain network's
only by rounding, about 1e-6.
"""

import functools
from itertools import accumulate, pairwise

import numpy as np

from ddsp_course._tensorflow import tf

# Keras's padding: position p of layer 1 sees the samples 4 p - 254 to 4 p + 257 of a frame, and
# position p of each later layer sees positions p - 31 to p + 32 of the layer before.
STRIDE, BEFORE, BEFORE_NEXT = 4, 254, 31
# A mean of this many standard deviations causes an error of 1e-5, which grows in proportion.
LARGEST_OFFSET = 100


def fits(hop_size):
    """Return whether this method is faster for frames that are `hop_size` samples apart."""
    return hop_size % 16 == 0 and hop_size <= 512


def prepare(network, hop_size, n_batch):
    """Convert a CREPE network with its current weights to a function of frames.

    Args:
      network: Keras model from `ddsp_course.crepe`.
      hop_size: samples from one frame to the next; `fits` must accept it.
      n_batch: largest number of frames per call. Fewer take just as long.

    Returns:
      A function of frames (n, 1024), not normalised, that returns
        activation: (n, 360) in 0..1.
        inexact: (n,) bool, true where a frame's DC offset causes noticeable rounding errors.
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
        # As in `crepe.normalise`.
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
    """Fold batch normalisation into a layer's weights.

    Returns:
      kernel, bias: scaled by the normalisation.
      limits: bounds that replace the ReLU, because a negative scale reverses it.
      added: the constant that normalisation adds at the end.
    """
    scale = gamma / np.sqrt(variance + 1e-3)  # Keras' epsilon
    limits = np.where(scale < 0, -np.inf, 0), np.where(scale < 0, 0, np.inf)
    return kernel[:, 0] * scale, bias * scale, limits, beta - mean * scale


def _first_layer(layer, block_size, frame_size):
    """Return the tables for layer 1.

    Returns:
      filters: (n_parts, block_size, positions * n_filters); part d is what the positions of a block
        take from the block d - n_parts // 2 further on. Even positions come first, then odd ones,
        so max-pooling compares two halves.
      corrections: for each block of a frame (2, positions * n_filters), the contributions of the
        frame's mean and of its standard deviation.
      limits: see `_folded`.
    """
    kernel, bias, limits, _ = layer
    width = len(kernel)
    reach = width // 2 // block_size
    part = np.arange(-reach, reach + 1)[:, None, None]
    place = np.arange(block_size // STRIDE).reshape(-1, 2).T.ravel()
    tap = part * block_size + np.arange(block_size)[:, None] - STRIDE * place + BEFORE
    # Taps beyond the filter's ends point to a row of zeros.
    kernel = np.append(kernel[:, 0], np.zeros_like(kernel[:1, 0]), axis=0)
    filters = kernel[np.where((tap >= 0) & (tap < width), tap, width)]
    filters = filters.reshape(2 * reach + 1, block_size, -1)
    sums = _sums_inside(list(filters.sum(axis=1)), frame_size // block_size)
    return filters, [np.stack([-inside, np.tile(bias, len(place))]) for inside in sums], limits


def _sums_inside(parts, n_blocks):
    """Sum, for each of a frame's `n_blocks`, the parts that lie inside the frame.

    Args:
      parts: list of arrays; part d comes from the block d - len(parts) // 2 further on.
      n_blocks: blocks per frame.
    """
    # Sums from both ends instead of differences, so a loud neighbour leaves no rounding error.
    reach = len(parts) // 2
    from_first = list(accumulate(parts))[reach:]
    from_last = list(accumulate(parts[::-1]))[reach:]
    return [
        from_last[block] if block < reach else from_first[min(reach, n_blocks - 1 - block)]
        for block in range(n_blocks)
    ]


def _other_layers(layers, frame_size):
    """Return the tables (forward, spectra, inverse, bias, limits) for each of layers 2 to 6.

    forward (2, n_bins, n_places) is the Fourier transform, real and imaginary part; spectra
    (n_bins, n_inputs, 2 * n_filters) that of the filters; inverse (n_places, 2 * n_bins) the
    inverse transform; bias (n_places, 1, n_filters).
    """
    tables = []
    n_places = frame_size // STRIDE
    for (*_, added), (kernel, bias, limits, _) in pairwise(layers):
        n_places //= 2
        place, offset = np.arange(n_places), np.arange(len(kernel)) - BEFORE_NEXT
        # The previous layer's constant is added everywhere except in the zero padding.
        origin = place[:, None] + offset
        bias = bias + ((origin >= 0) & (origin < n_places)) @ (added @ kernel)
        # In a circular convolution, zeros for half a filter's width serve both ends.
        size = n_places + min(len(kernel) // 2, n_places)
        used = np.abs(offset) < n_places
        circle = np.zeros((size, *kernel.shape[1:]), np.float32)
        circle[-offset[used]] = kernel[used]
        spectra = np.fft.rfft(circle, axis=0)
        angle = 2 * np.pi / size * np.outer(np.arange(size // 2 + 1), place)
        forward = np.stack([np.cos(angle), -np.sin(angle)])
        inverse = forward * 2 / size
        inverse[:, [0, -1]] /= 2  # these bins have no mirror image
        inverse = inverse.reshape(-1, n_places).T
        spectra = np.append(spectra.real, spectra.imag, axis=-1)
        tables.append((forward, spectra, inverse, bias[:, None], limits))
    return tables


@functools.cache
def _network():
    """Return the compiled network, a function of audio, measures, tables and blocks per step."""

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

        # Positions that see all parts share one correction, so they are pooled for all frames.
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
        # (positions, n_frames, filters), still scaled by each frame's standard deviation.
        x = first(audio, measures, *layer_1, step)
        deviation = measures[:, 1:]
        for forward, spectra, inverse, bias_here, limits in others:
            x = convolve(x, forward, spectra, inverse) / deviation + bias_here
            x = limit(tf.maximum(x[0::2], x[1::2]), limits)
            deviation = 1.0
        x = tf.reshape(tf.transpose(x, (1, 0, 2)), (x.shape[1], -1))
        return tf.sigmoid(x @ kernel + bias)

    return network
