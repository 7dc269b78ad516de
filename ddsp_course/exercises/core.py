"""Exercises of notebooks/01_ddsp_library/03_core.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import FRAME_RATE, SAMPLE_RATE

HOP = SAMPLE_RATE // FRAME_RATE
TAPS = 257


def descent(answer):
    """A prediction: where gradient descent on f0 ends if it starts three semitones too high."""
    look = "run the next cell and compare."
    return hints.choice(
        answer,
        "near 260 Hz",
        ("at 220 Hz", "near 260 Hz", "an octave lower"),
        {
            "at 220 Hz": f"the loss would have to slope down all the way from 260 Hz: {look}",
            "an octave lower": f"gradient descent takes small steps downhill: {look}",
        },
    )


def envelope(answer):
    """One second of an envelope, interpolated linearly from 250 to 16 000 numbers, (16000,)."""
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
        "it rises and falls in steps, which click: this repeats each frame's value instead of "
        "drawing a straight line to the next.": frames[np.floor(at).astype(int)],
        "it rises and falls in steps, which click: this takes the nearest frame's value instead of "
        "drawing a straight line, and the steps come half a hop early.": frames[
            np.minimum(np.round(at), len(frames) - 1).astype(int)
        ],
        "it is smooth, as overlapping windows make it: linear interpolation draws straight "
        "lines.": _between(frames, np.floor(at) + 0.5 - 0.5 * np.cos(np.pi * way)),
        "it comes half a hop too late: each frame's value belongs to the beginning of its hop, not "
        "to the middle.": _between(frames, at - 0.5),
        "it is stretched by one hop: the last frame belongs at sample 249 * 64 and is then held, "
        "but here it comes at the very end.": _between(
            frames, np.linspace(0, len(frames) - 1, SAMPLE_RATE)
        ),
    }
    wrong = hints.mistake(answer, known, rtol=1e-5, atol=1e-3)
    if wrong:
        return wrong
    if answer.min() < -0.01 or answer.max() > 1.01:
        return (
            f"it goes from {answer.min():.2f} to {answer.max():.2f}, beyond the frames' values: a "
            "curve can overshoot (is it cubic?), straight lines cannot."
        )
    return hints.late(answer, right, HOP) or hints.close(answer, right, rtol=0, atol=1e-3)


def phase(function):
    """A function from the frequency of each sample, (n,) in Hz, to the phase in radians, (n,)."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    cases = {
        "a glide from 220 to 440 Hz": (np.geomspace(220, 440, SAMPLE_RATE),),
        "a vibrato around 330 Hz": (330 * 2 ** (0.05 * np.sin(2 * np.pi * 5 * time)),),
        "a falling glide of half a second": (np.geomspace(500, 300, SAMPLE_RATE // 2),),
    }
    return hints.on_each(function, cases, _wrong_phase)


def faulty_sounds():
    """Return {name: sound} of the three sounds that `faults` asks about, (16000,) each."""
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
    """{sound: its fault} for the three sounds of `faulty_sounds`."""
    return hints.choices(
        named,
        {"A": "phase rounding", "B": "leaking filter", "C": "zipper noise"},
        ("zipper noise", "aliasing", "phase rounding", "overshoot", "leaking filter"),
        {
            "zipper noise": "then you would hear a buzz at the frame rate whenever the level "
            "changes.",
            "aliasing": "then tones would fold down from 8 kHz.",
            "phase rounding": "then the harmonics would be out of tune with each other.",
            "overshoot": "then you would hear a soft tone where there should be silence.",
            "leaking filter": "then some hiss would remain far above the cutoff.",
        },
    )


def _wrong_phase(answer, f_hz):
    wrong = hints.numbers(answer) or hints.shape(np.squeeze(answer), f_hz.shape, ("samples",))
    if wrong:
        return wrong
    answer, n = np.squeeze(np.asarray(answer, float)), len(f_hz)
    step = 2 * np.pi * f_hz / SAMPLE_RATE
    right = np.cumsum(step)
    # float32 sums are off by a few hundredths, and a phase one sample late by twice as much.
    if _same_angle(answer, right, 0.04):
        return None
    known = {
        "it comes one sample too late: the first sample's step belongs to the first phase.": right
        - step,
        "it comes one sample too early.": right + np.r_[step[1:], step[-1]],
        "it is an octave too high.": 2 * right,
        "it is an octave too low.": right / 2,
        "the pitch moves too far: when the frequency changes, add up the steps instead of "
        "multiplying the frequency by the time.": 2 * np.pi * f_hz * np.arange(n) / SAMPLE_RATE,
    }
    for sentence, other in known.items():
        if _same_angle(answer, other, 0.04):
            return sentence
    turns = right / (2 * np.pi)
    if np.allclose(answer, turns, atol=0.01) or np.allclose(answer, turns % 1, atol=0.01):
        return "it counts turns, so its sine would be far too low: a turn is 2 π radians."
    if np.allclose(answer, step, atol=1e-3):
        return "these are the steps from sample to sample: add them up."
    if np.allclose(answer, right * SAMPLE_RATE, rtol=1e-3):
        return (
            "it runs 16 000 times too fast: f_hz counts cycles per second, but each step is one "
            "sample long."
        )
    if np.allclose(answer, np.degrees(right), rtol=1e-3, atol=1):
        return "these are degrees, but the sine takes radians."
    last = np.angle(np.exp(1j * np.diff(answer[-9:]))).mean() * SAMPLE_RATE / (2 * np.pi)
    if abs(last) > 1 and abs(1200 * np.log2(abs(last) / f_hz[-1])) > 10:
        return f"its sine ends at {abs(last):.0f} Hz and should end at {f_hz[-1]:.0f} Hz."
    return "the final pitch is right, but the phase is shifted or drifts on the way."


def low_pass(answer):
    """The symmetric impulse response of a low-pass at 1000 Hz with gain 1 at 0 Hz, (257,)."""
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
        return "it is a high-pass: it removes the low notes and keeps the hiss."
    if not np.allclose(answer, answer[::-1], atol=0.02 * np.abs(answer).max()):
        return (
            "it is not symmetric about its middle, so it delays some frequencies more than others: "
            "n goes from -128 to 128."
        )
    db = 20 * np.log10(np.maximum(gain, 1e-9))
    if answer.sum() < 0:
        return "it turns every sound upside down: its gain at 0 Hz is negative and should be 1."
    if abs(db[0]) > 0.1:
        return f"it is {hints.too_loud(db[0])} at 0 Hz: divide by the sum to make the gain 1 there."
    cutoff = hz[np.argmax(db < -6)] if (db < -6).any() else SAMPLE_RATE / 2
    octaves = np.log2(cutoff / 1000)
    if abs(octaves) > 0.03:
        side = "high" if octaves > 0 else "low"
        if abs(abs(octaves) - 1) < 0.03:
            return (
                f"the cutoff is an octave too {side}, at {cutoff:.0f} Hz: the sinc's argument is "
                "n times 2 f / sample rate."
            )
        return f"the cutoff is too {side}: {cutoff:.0f} Hz instead of 1000 Hz."
    leak = db[hz > 1400].max()
    if leak > -40:
        return (
            f"it lets frequencies above 1400 Hz through, only {-leak:.0f} dB down: did you cut off "
            "the sinc without a window?"
        )
    ripple = np.abs(db[hz < 700]).max()
    if ripple > 0.5:
        return (
            f"its gain varies by {ripple:.1f} dB below 700 Hz: a low-pass leaves these frequencies "
            "as they are."
        )
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
