"""Rates that the whole course shares, and conversions between MIDI numbers and hertz."""

import numpy as np

SAMPLE_RATE = 16000  # Hz; ddsp's models and CREPE were trained at this rate
FRAME_RATE = 250  # frames of pitch and loudness per second
HOP_SIZE = SAMPLE_RATE // FRAME_RATE  # samples per frame


def hz_to_midi(f0_hz):
    """Convert pitches in Hz, of any shape, to float64 MIDI numbers: 440 Hz is 69.

    Everything below 0.001 Hz, including zero and negative numbers, becomes about -156.
    """
    return 69 + 12 * np.log2(np.maximum(np.asarray(f0_hz, np.float64), 1e-3) / 440.0)


def midi_to_hz(midi):
    """Convert MIDI numbers, of any shape, whole or fractional, to float64 pitches in Hz."""
    return 440.0 * 2.0 ** ((np.asarray(midi, np.float64) - 69) / 12)
