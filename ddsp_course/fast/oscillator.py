"""You need not read this: ddsp's harmonic oscillator, several times as fast, same output.

`ddsp.core.harmonic_synthesis` carries 60 amplitudes a frame up to 60 a sample, and multiplies and
differentiates each. Here the same sums are done in another order. Compare both with
benchmarks/training.py and benchmarks/playing.py.
The oscillator is explained in notebooks/01_ddsp_library/02_processors.ipynb.
"""

import math

from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.units import SAMPLE_RATE


def oscillators(model):
    """Return those of a model's layers for which `harmonic_synthesis` can stand in: the one rule."""
    return [
        layer
        for layer in model.submodules
        if type(layer) is ddsp.synths.Harmonic and layer.amp_resample_method == "window"
    ]


def harmonic_synthesis(f0_hz, harmonic_amplitudes, n_samples, sample_rate=SAMPLE_RATE, phase=0.0):
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


def cycles(f0_hz, hop_size, sample_rate=SAMPLE_RATE):
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
    along = tf.range(hop_size, dtype=tf.float32) / hop_size
    next_hz = tf.concat([f0_hz[:, 1:], f0_hz[:, -1:]], axis=1)
    hz = f0_hz * (1 - along) + next_hz * along
    turns = tf.cumsum(hz / sample_rate, axis=2)
    # The sum of hop_size steps from one value towards the next.
    here, there = tf.cast(f0_hz[..., 0], tf.float64), tf.cast(next_hz[..., 0], tf.float64)
    a_frame = (here * hop_size + (there - here) * (hop_size - 1) / 2) / sample_rate
    return hz, turns, tf.cumsum(a_frame, axis=1, exclusive=True)
