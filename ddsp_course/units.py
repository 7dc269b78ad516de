"""The numbers that every part of the course shares: rates, and the way between MIDI and hertz."""

import numpy as np

SAMPLE_RATE = 16000  # Hz; what ddsp's models and CREPE were trained at
FRAME_RATE = 250  # frames of pitch and loudness a second
HOP_SIZE = SAMPLE_RATE // FRAME_RATE  # samples a frame


def hz_to_midi(f0_hz):
    """Return pitches in Hz, of any shape, as float64 MIDI numbers: 440 Hz is 69.

    Up to 0.001 Hz, 0 and below included, everything is one very low pitch, about -155.
    """
    return 69 + 12 * np.log2(np.maximum(np.asarray(f0_hz, np.float64), 1e-3) / 440.0)


def midi_to_hz(midi):
    """Return MIDI numbers, of any shape, whole or not, as float64 pitches in Hz."""
    return 440.0 * 2.0 ** ((np.asarray(midi, np.float64) - 69) / 12)
