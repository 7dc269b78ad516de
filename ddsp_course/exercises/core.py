"""Exercises of notebooks/01_ddsp_library/03_core.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import FRAME_RATE, SAMPLE_RATE

HOP = SAMPLE_RATE // FRAME_RATE
TAPS = 257


def descent(answer):
    """A prediction: where gradient descent on f0 ends that starts three semitones too high."""
    look = "run the next cell and compare."
    return hints.choice(
        answer,
        "near 260 Hz",
        ("at 220 Hz", "near 260 Hz", "an octave lower"),
        {
            "at 220 Hz": f"that asks for a slope that leads there from 260 Hz: {look}",
            "an octave lower": f"the descent takes small steps downhill: {look}",
        },
    )


def envelope(answer):
    """A second of an envelope from 250 to 16 000 numbers by linear interpolation, (16000,)."""
    times = [0, 0.02, 0.1, 0.8, 0.9, 1]
    frames = np.interp(np.arange(FRAME_RATE) / FRAME_RATE, times, [0, 1, 0.5, 0.4, 0, 0])
    wrong = hints.numbers(answer) or hints.shape(answer, (SAMPLE_RATE,), ("samples",))
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    at = np.arange(SAMPLE_RATE) / HOP
    right = _between(frames, at)
    if np.allclose(answer, right, atol=1e-3):
        return None
    way = at % 1
    known = {
        "it goes in stairs and will click: that is the nearest frame, and a straight line is asked "
        "for.": frames[np.floor(at).astype(int)],
        "it goes in stairs and will click: that is the nearest frame, and a straight line is asked "
        "for (and half a hop early).": frames[
            np.minimum(np.round(at), len(frames) - 1).astype(int)
        ],
        "it is smooth, by overlapping windows, and straight lines are asked for.": _between(
            frames, np.floor(at) + 0.5 - 0.5 * np.cos(np.pi * way)
        ),
        "it comes half a hop too late: the frames' values belong to where each hop begins, and here "
        "they lie in its middle.": _between(frames, at - 0.5),
        "it is stretched by one hop in a second: the last frame belongs to sample 249 * 64 and is "
        "held, and here it comes at the very end.": _between(
            frames, np.linspace(0, len(frames) - 1, SAMPLE_RATE)
        ),
    }
    wrong = hints.mistake(answer, known, rtol=1e-5, atol=1e-3)
    if wrong:
        return wrong
    if answer.min() < -0.01 or answer.max() > 1.01:
        return (
            f"it swings between {answer.min():.2f} and {answer.max():.2f}, beyond the frames: a "
            "curve overshoots (cubic?), straight lines do not."
        )
    return hints.late(answer, right, HOP) or hints.close(answer, right, rtol=0, atol=1e-3)


def phase(function):
    """A function from the frequency at each sample, (n,) in Hz, to the phase in radians, (n,)."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    cases = {
        "a glide from 220 to 440 Hz": (np.geomspace(220, 440, SAMPLE_RATE),),
        "a vibrato around 330 Hz": (330 * 2 ** (0.05 * np.sin(2 * np.pi * 5 * time)),),
        "a falling glide of half a second": (np.geomspace(500, 300, SAMPLE_RATE // 2),),
    }
    return hints.on_each(function, cases, _wrong_phase)


def faulty_sounds():
    """Return {name: sound} of the three whose faults `faults` asks for, (16000,) each."""
    n = np.arange(SAMPLE_RATE)
    fade = np.clip(np.minimum(n, n[::-1]) / 400, 0, 1)
    k = np.arange(1, 9)
    drifted_hz = 220 * k * 2 ** (np.array([-9, 20, 43, -30, 15, 50, 57, -40]) / 1200)
    sour = (np.sin(2 * np.pi * np.outer(n, drifted_hz) / SAMPLE_RATE) / k).sum(axis=1)
    taps = np.arange(-32, 33)
    noise = np.random.default_rng(0).uniform(-1, 1, SAMPLE_RATE)
    dull = np.convolve(noise, np.sinc(2 * 800 / SAMPLE_RATE * taps) * 0.1, "same")
    tremolo = 0.5 + 0.5 * np.sin(2 * np.pi * 9 * (n // 64) / FRAME_RATE)
    stairs = tremolo * np.sin(2 * np.pi * 440 / SAMPLE_RATE * n)
    return {"A": 0.2 * fade * sour, "B": fade * dull, "C": 0.4 * fade * stairs}


def faults(named):
    """{sound: its fault} of the three of `faulty_sounds`."""
    return hints.choices(
        named,
        {"A": "phase rounding", "B": "leaking filter", "C": "zipper noise"},
        ("zipper noise", "aliasing", "phase rounding", "overshoot", "leaking filter"),
        {
            "zipper noise": "then a buzz at the frame rate would accompany each change of level.",
            "aliasing": "then tones would fold down from 8 kHz.",
            "phase rounding": "then the harmonics would be out of tune with each other.",
            "overshoot": "then a soft tone would sound where there should be silence.",
            "leaking filter": "then some hiss would remain far beyond the cutoff.",
        },
    )


def _wrong_phase(answer, f_hz):
    wrong = hints.numbers(answer) or hints.shape(np.squeeze(answer), f_hz.shape, ("samples",))
    if wrong:
        return wrong
    answer, n = np.squeeze(np.asarray(answer, float)), len(f_hz)
    step = 2 * np.pi * f_hz / SAMPLE_RATE
    right = np.cumsum(step)
    # float32 sums are off by a few hundredths; a sample too late is twice as far off.
    if _same_angle(answer, right, 0.04):
        return None
    known = {
        "it comes one sample too late: the first sample's step belongs to the first phase.": right
        - step,
        "it comes one sample too early.": right + np.r_[step[1:], step[-1]],
        "it is an octave too high.": 2 * right,
        "it is an octave too low.": right / 2,
        "it goes too far: where the frequency moves, add up the steps, and do not multiply the "
        "frequency by the time.": 2 * np.pi * f_hz * np.arange(n) / SAMPLE_RATE,
    }
    for sentence, other in known.items():
        if _same_angle(answer, other, 0.04):
            return sentence
    turns = right / (2 * np.pi)
    if np.allclose(answer, turns, atol=0.01) or np.allclose(answer, turns % 1, atol=0.01):
        return "it counts turns, and a sine of it would be far too low: a turn is 2 π radians."
    if np.allclose(answer, step, atol=1e-3):
        return "these are the steps from sample to sample: add them up."
    if np.allclose(answer, right * SAMPLE_RATE, rtol=1e-3):
        return "it races, 16 000 times too fast: f_hz is per second, and a step is one sample."
    if np.allclose(answer, np.degrees(right), rtol=1e-3, atol=1):
        return "these are degrees, and a sine takes radians."
    last = np.angle(np.exp(1j * np.diff(answer[-9:]))).mean() * SAMPLE_RATE / (2 * np.pi)
    if abs(last) > 1 and abs(1200 * np.log2(abs(last) / f_hz[-1])) > 10:
        return f"a sine of it ends at {abs(last):.0f} Hz, and should end at {f_hz[-1]:.0f} Hz."
    return "the pitch ends right, but the phase is shifted, or strays on the way."


def low_pass(answer):
    """The impulse response of a low-pass at 1000 Hz, symmetric, of gain 1 at 0 Hz, (257,)."""
    wrong = hints.numbers(answer) or hints.shape(answer, (TAPS,), ("taps",))
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    size = 1 << 16
    gain = np.abs(np.fft.rfft(answer, size))
    hz = np.arange(len(gain)) * SAMPLE_RATE / size
    if gain.max() < 1e-6:
        return "it is silent."
    if gain[hz > 7000].max() > 10 * gain[hz < 500].max():
        return "it is a high-pass: the low notes are gone, and the hiss stays."
    if not np.allclose(answer, answer[::-1], atol=0.02 * np.abs(answer).max()):
        return (
            "it is not symmetric about its middle, so that some frequencies come later than "
            "others: n goes from -128 to 128."
        )
    db = 20 * np.log10(np.maximum(gain, 1e-9))
    if answer.sum() < 0:
        return "it turns every sound upside down: its gain at 0 Hz is below zero, and should be 1."
    if abs(db[0]) > 0.1:
        return (
            f"it is {hints.too_loud(db[0])} at 0 Hz: divide by the sum, so that the gain is 1 "
            "there."
        )
    cutoff = hz[np.argmax(db < -6)] if (db < -6).any() else SAMPLE_RATE / 2
    octaves = np.log2(cutoff / 1000)
    if abs(octaves) > 0.03:
        side = "high" if octaves > 0 else "low"
        if abs(abs(octaves) - 1) < 0.03:
            return (
                f"the cutoff lies an octave too {side}, at {cutoff:.0f} Hz: the sinc's argument is "
                "n times 2 f / sample rate."
            )
        return f"the cutoff lies too {side}, at {cutoff:.0f} Hz, and not at 1000 Hz."
    leak = db[hz > 1400].max()
    if leak > -40:
        return (
            f"above 1400 Hz something leaks, {-leak:.0f} dB below: is the sinc cut off without a "
            "window?"
        )
    ripple = np.abs(db[hz < 700]).max()
    if ripple > 0.5:
        return f"below 700 Hz it is uneven, by {ripple:.1f} dB."
    return None


def _between(frames, at):
    return np.interp(at, np.arange(len(frames)), frames)


def _same_angle(a, b, tolerance):
    return np.abs(np.angle(np.exp(1j * (a - b)))).max() < tolerance


def _through(h):
    noise = np.random.default_rng(0).uniform(-0.5, 0.5, SAMPLE_RATE)
    return np.convolve(noise, np.squeeze(h), "same")


def _sung(function):
    f_hz = 330 * 2 ** (0.05 * np.sin(2 * np.pi * 5 * np.arange(SAMPLE_RATE) / SAMPLE_RATE))
    return 0.5 * np.sin(np.squeeze(function(f_hz)))


def _shaped(envelope):
    return np.squeeze(envelope) * np.sin(2 * np.pi * 440 / SAMPLE_RATE * np.arange(SAMPLE_RATE))


HEARD = {"envelope": _shaped, "phase": _sung, "low_pass": _through}
