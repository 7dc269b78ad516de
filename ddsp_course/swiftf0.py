"""SwiftF0: a pitch tracker that reads a spectrogram, and an alternative to CREPE.

It is the package `swift-f0` (MIT) of L. Nieradzik ("SwiftF0: Fast and Accurate Monophonic Pitch
Detection", arXiv:2508.18440, 2025; the network, with 14,386 weights, is newer than the paper). For a
frame it reads 0.35 s of audio, where CREPE has 64 ms. The course does not install it.
Explained in notebooks/02_timbre_transfer/04_pitch.ipynb, beside CREPE.
"""

import numpy as np

from ddsp_course.errors import CourseError
from ddsp_course.units import HOP_SIZE, SAMPLE_RATE

# The package's step between frames, 16 ms.
_STEP = 256
HIGHEST_HZ = 2093.75


def pitch(audio):
    """Measure the pitch of a recording.

    The network steps by 16 ms. It hears the audio four times, each time 4 ms later, and the results
    take turns.

    Args:
      audio: (n_samples,) at 16 kHz, with a peak well above 0.001: softer frames have no confidence.

    Returns:
      f0_hz: (n_frames,) float32, 46.9 to 2093.75; n_frames = ceil(n_samples / 64), and frame i is
        centred on sample 64 i.
      f0_confidence: (n_frames,) float32 in 0..1; `swift-f0` counts a frame as voiced from 0.5.

    Raises:
      CourseError: the package is not installed.
    """
    try:
        from swift_f0 import SwiftF0
    except ImportError as error:
        raise CourseError(
            "The pitch tracker SwiftF0 is not installed: install it with `pip install swift-f0`, "
            'or leave pitch="swiftf0" out, and CREPE measures the pitch.'
        ) from error
    tracker = SwiftF0()
    audio = np.asarray(audio, np.float32)
    n_frames = -(-len(audio) // HOP_SIZE)
    n_turns = _STEP // HOP_SIZE
    f0_hz, f0_confidence = np.empty((2, -(-n_frames // n_turns), n_turns), np.float32)
    for turn in range(n_turns):
        # One step of silence before the audio moves its frames by less than a step.
        before = _STEP - turn * HOP_SIZE
        found = tracker.detect(np.pad(audio, (before, 2 * _STEP)), SAMPLE_RATE)
        f0_hz[:, turn] = found.pitch_hz[1 : 1 + len(f0_hz)]
        f0_confidence[:, turn] = found.confidence[1 : 1 + len(f0_hz)]
    return f0_hz.ravel()[:n_frames], f0_confidence.ravel()[:n_frames]
