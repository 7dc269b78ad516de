"""Exercises of notebooks/01_ddsp_library/00_first_sounds.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import FRAME_RATE, SAMPLE_RATE


def sine(sound):
    """A second of a sine at 440 Hz whose peak is 0.5, (16000,)."""
    return (
        hints.numbers(sound)
        or hints.shape(sound, (SAMPLE_RATE,), ("samples",))
        or _without_two_pi(sound)
        or hints.pitch(sound, 440.0)
        or hints.peak(sound, 0.5)
        or _not_a_sine(sound)
    )


def sawtooth(amplitudes):
    """The amplitudes of a sawtooth at 440 Hz up to Nyquist, the first of them 1, (20,)."""
    k = np.arange(1, 21)
    right = np.where(440 * k < SAMPLE_RATE / 2, 1 / k, 0)
    wrong = hints.numbers(amplitudes) or hints.shape(amplitudes, (20,), ("harmonics",))
    if wrong:
        return wrong
    amplitudes = np.asarray(amplitudes, float)
    if np.allclose(amplitudes[1::2], 0) and np.isclose(amplitudes[2], 1 / 3):
        return "every second harmonic is missing: it sounds hollow. That is a square wave."
    known = {
        "it is too dull, as a triangle is: the amplitudes fall with 1 / k, not with its square.": 1
        / k**2,
        "all harmonics are equally loud, and it buzzes: the amplitudes fall with 1 / k.": k**0.0,
        "the first harmonic is k = 1, and here the list begins with 1 / 2.": 1 / (k + 1),
    }
    # Harmonics 19 and 20 have a hint of their own.
    below = {sentence: other[:18] for sentence, other in known.items()}
    wrong = hints.mistake(amplitudes[:18], below, rtol=1e-3, atol=1e-8)
    if wrong:
        return wrong
    scale = amplitudes[0]
    if scale > 0 and not np.isclose(scale, 1) and np.allclose(amplitudes / scale, right, rtol=1e-3):
        return f"the shape is right; the first amplitude should be 1, and is {scale:.3g}."
    return hints.above_nyquist(440.0, amplitudes) or hints.close(amplitudes, right)


def vibrato(f0_hz):
    """Two seconds of A4 with a vibrato of +-50 cents, 5 times a second, (500,)."""
    t = np.arange(2 * FRAME_RATE) / FRAME_RATE
    wrong = hints.numbers(f0_hz) or hints.shape(f0_hz, (len(t),), ("frames",))
    if wrong:
        return wrong
    f0_hz = np.asarray(f0_hz, float)
    if f0_hz.min() <= 0:
        return "a pitch in Hz is above zero: turn the cents into a factor, 2 ** (cents / 1200)."
    cents = 1200 * np.log2(f0_hz / 440.0)
    middle = (cents.max() + cents.min()) / 2
    wrong = hints.off_pitch(440.0 * 2 ** (middle / 1200), 440.0)
    if wrong:
        return f"the middle of the vibrato should be A4; {wrong}"
    depth = (cents.max() - cents.min()) / 2
    if abs(depth - 50) > 2:
        if depth > 150:
            return (
                f"it sways by {depth / 100:.0f} semitones to each side: 50 cents are half of one, a "
                "factor of 2 ** (50 / 1200)."
            )
        return f"its depth is {depth:.0f} cents to each side, and not 50."
    waves = np.abs(np.fft.rfft((cents - cents.mean()) * np.hanning(len(cents)), 8 * len(cents)))
    rate = np.argmax(waves) * FRAME_RATE / (8 * len(cents))
    if abs(rate - 5) > 0.2:
        if abs(rate - 5 / (2 * np.pi)) < 0.2:
            return f"it is slow, {rate:.1f} times a second: is a 2 π missing?"
        return f"it goes up and down {rate:.1f} times a second, and not 5 times."
    return None


def _without_two_pi(sound):
    heard = hints.pitch_hz(sound)
    if heard is not None and abs(heard - 440 / (2 * np.pi)) < 1:
        return "it is far too low, 70 Hz: a sine takes radians, so a 2 π is missing."
    return None


def _not_a_sine(sound):
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)))) ** 2
    main = spectrum[435:446].sum() / spectrum.sum()
    if main < 0.999:
        return f"the pitch is right, but {1 - main:.0%} of the power lies elsewhere: a sine is one frequency alone."
    return None
