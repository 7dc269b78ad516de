"""Optional reading: ddsp's harmonic oscillator, several times as fast, same output.

`ddsp.core.harmonic_synthesis` upsamples 60 amplitudes per frame to 60 per sample, and multiplies
and differentiates each. Here the same sums are computed in a different order.
benchmarks/training.py and benchmarks/playing.py compare the two.
The oscillator is explained in notebooks/01_ddsp_library/02_processors.ipynb.
"""

import math

from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.units import SAMPLE_RATE


def oscillators(model):
    """Return the layers of a model that `harmonic_synthesis` can replace."""
    return [
        layer
        for layer in model.submodules
        if type(layer) is ddsp.synths.Harmonic and layer.amp_resample_method in _FADES
    ]


# How much of the next frame's amplitude there is, along a frame from 0 to 1.
_FADES = {
    "window": lambda along: 0.5 - 0.5 * tf.cos(math.pi * along),
    "linear": lambda along: along,
}


def harmonic_synthesis(
    f0_hz,
    harmonic_amplitudes,
    n_samples,
    sample_rate=SAMPLE_RATE,
    phase=0.0,
    amp_resample_method="window",
):
    """Compute `ddsp.core.harmonic_synthesis` as one small matrix product per frame.

    Between two frames an amplitude fades over, by half a Hann window or in a straight line. So a
    frame's samples are (1 - w) S a_t + w S a_t+1, where S holds the harmonics' sines: the
    amplitudes need not be carried up to the sample rate, and their gradient is S transposed. No
    gradient reaches f0.
    Section 3.2 of Engel et al., ICLR 2020.

    Args:
      f0_hz: (batch, n_frames, 1).
      harmonic_amplitudes: (batch, n_frames, n_harmonics).
      n_samples: length of the result, a multiple of n_frames.
      sample_rate: in Hz.
      phase: initial phase of the fundamental in cycles, float64.
      amp_resample_method: "window" or "linear", as in ddsp.

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
    fade = _FADES[amp_resample_method](tf.range(hop_size, dtype=tf.float32) / hop_size)
    audio = both[..., 0] * (1 - fade) + both[..., 1] * fade
    return tf.reshape(audio, [-1, n_samples])


def cycles(f0_hz, hop_size, sample_rate=SAMPLE_RATE):
    """Count the cycles of a fundamental, keeping its phase exact however long it sounds.

    Cycles are counted separately within each frame and, in double precision, before it.

    Args:
      f0_hz: (batch, n_frames, 1) float32.
      hop_size: samples per frame.
      sample_rate: in Hz.

    Returns:
      hz: (batch, n_frames, hop_size), the pitch at each sample.
      turns: (batch, n_frames, hop_size), cycles from the start of the frame up to and including
        each sample.
      before: (batch, n_frames) float64, cycles before each frame.
    """
    along = tf.range(hop_size, dtype=tf.float32) / hop_size
    next_hz = tf.concat([f0_hz[:, 1:], f0_hz[:, -1:]], axis=1)
    hz = f0_hz * (1 - along) + next_hz * along
    turns = tf.cumsum(hz / sample_rate, axis=2)
    # The sum of hop_size interpolated values from one frame towards the next.
    here, there = tf.cast(f0_hz[..., 0], tf.float64), tf.cast(next_hz[..., 0], tf.float64)
    a_frame = (here * hop_size + (there - here) * (hop_size - 1) / 2) / sample_rate
    return hz, turns, tf.cumsum(a_frame, axis=1, exclusive=True)
