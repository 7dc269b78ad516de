"""Exercises of notebooks/04_beyond_the_paper/01_filters_that_ring.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE

CARRIER_HZ, RATIO = 200, 1.5


def wrapped(answer):
    """A prediction: where a bell's ring goes that is longer than the FFT."""
    look = "run the next cell and listen."
    return hints.choice(
        answer,
        "before the strike",
        ("before the strike", "it is cut off", "after the end"),
        {
            "it is cut off": f"nothing is lost in an FFT, which is a circle: {look}",
            "after the end": f"the sound has only as many samples as the FFT: {look}",
        },
    )


def sideband(hz):
    """A prediction: the first lower sideband of 200 Hz, modulated at 300 Hz: 100 Hz."""
    wrong = hints.one_number(hz)
    if wrong:
        return wrong
    hz = float(np.squeeze(hz))
    modulator = RATIO * CARRIER_HZ
    right = abs(CARRIER_HZ - modulator)
    if abs(hz - right) <= 0.5:
        return None
    known = {
        -right: "a negative frequency sounds like the positive one: what remains is its size.",
        CARRIER_HZ + modulator: "that is the first upper sideband, k = 1.",
        modulator: "that is the modulator, which is not heard itself.",
        CARRIER_HZ: "that is the carrier, k = 0.",
        abs(CARRIER_HZ - 2 * modulator): "that is the second lower sideband, k = -2.",
        CARRIER_HZ / RATIO: "the modulator is at 1.5 times the carrier; sidebands lie at "
        "differences, not at quotients.",
        right / 1000: "this is in kilohertz: convert it to hertz.",
    }
    for other, sentence in known.items():
        if abs(hz - other) <= 0.5 * min(1, abs(other)):
            return sentence
    return "the modulator's frequency is the ratio times the carrier's: add k = -1 times that."


def t60(function):
    """A function from a biquad's a, (3,), to the seconds in which its slower pole falls by 60 dB."""
    cases = {
        "a pole pair that rings for a second": (_feedback(440, 1.0),),
        "a pole pair that rings for 50 ms": (_feedback(3000, 0.05),),
        "two real poles at 0.5 and 0.99": (np.poly([0.5, 0.99]),),
        "two real poles at -0.998 and 0.9": (np.poly([-0.998, 0.9]),),
    }
    return hints.on_each(function, cases, _wrong_t60)


def soft_knee(function):
    """A gain computer with a quadratic knee, from levels in dB of any shape to gains in dB."""
    level_db = np.linspace(-60, 0, 121)
    cases = {
        "a threshold of -20 dB, ratio 4, knee 10 dB": (level_db, -20.0, 4.0, 10.0),
        "a threshold of -35 dB, ratio 2, knee 6 dB": (level_db, -35.0, 2.0, 6.0),
        "levels of two channels": (level_db[:120].reshape(2, 60), -10.0, 8.0, 12.0),
    }
    return hints.on_each(function, cases, _wrong_gain)


def faulty_sounds():
    """Return {name: sound} of the three sounds that `faults` asks about, (32000,) each."""
    n = np.arange(2 * SAMPLE_RATE)
    ring = _bell(n)
    # Four strikes through 300 taps, and one strike in a circle of two seconds.
    taps = ring[:300] * np.hanning(600)[300:]
    strikes = np.where(n % 8000 == 800, 1.0, 0.0)
    short = np.convolve(strikes, taps)[: len(n)]
    circle = sum(_bell(n + turn * len(n)) for turn in range(4))
    swell_in = np.roll(circle, int(1.2 * SAMPLE_RATE))
    fade = np.clip(np.minimum(n, n[::-1]) / 800, 0, 1)
    beat = n % 4000 / SAMPLE_RATE
    notes = np.exp(-beat / 0.06) * np.clip(beat / 0.004, 0, 1) * np.sin(2 * np.pi * 330 * beat)
    # The second of eight notes is loud, and the gain takes seconds to come back.
    since = np.maximum(n / SAMPLE_RATE - 0.25, 0)
    gain_db = np.where(n < 4000, 0, -18 * np.exp(-since / 1.2))
    loud = np.where(n // 4000 == 1, 12.0, 1.0)
    ducked = 0.3 * notes * loud * 10 ** (gain_db / 20)
    return {
        "A": 0.5 * short / np.abs(short).max(),
        "B": 0.5 * fade * swell_in / np.abs(swell_in).max(),
        "C": 0.5 * ducked / np.abs(ducked).max(),
    }


def faults(named):
    """{sound: its fault} for the three sounds of `faulty_sounds`."""
    return hints.choices(
        named,
        {"A": "filter too short", "B": "time aliasing", "C": "release too slow"},
        (
            "time aliasing",
            "filter too short",
            "unstable filter",
            "attack too slow",
            "release too slow",
        ),
        {
            "time aliasing": "then it would sound before it is struck.",
            "filter too short": "then each ring would be cut off after a few milliseconds.",
            "unstable filter": "then it would grow louder and louder without an end.",
            "attack too slow": "then the beginning of the loud note would stick out, and the notes "
            "after it would be as loud as the one before it.",
            "release too slow": "then notes after a loud one would be too soft.",
        },
    )


def _feedback(hz, seconds):
    r = 1000 ** (-1 / (seconds * SAMPLE_RATE))
    return np.array([1, -2 * r * np.cos(2 * np.pi * hz / SAMPLE_RATE), r**2])


def _wrong_t60(answer, a):
    wrong = hints.one_number(answer)
    if wrong:
        return wrong
    answer = float(np.squeeze(answer))
    poles = np.abs(np.roots(a))
    slow, fast = poles.max(), poles.min()
    right = np.log(1000) / -np.log(slow) / SAMPLE_RATE
    known = {
        right * SAMPLE_RATE: "these are samples: divide by the sample rate.",
        right * 1000: "these are milliseconds: the answer should be in seconds.",
        -right: "the sign is wrong: the logarithm of a radius below 1 is negative.",
        right / np.log(1000): "in that time it falls by a factor of e, 8.7 dB, not by 60 dB.",
        right / np.log(1000) * 60: "60 dB are a factor of 1000, and its natural logarithm is 6.9.",
        right
        / np.log(1000)
        * np.log(10**6): "1000 is a factor of the amplitude: a million would be that of the power.",
        np.log(1000) / -np.log(a[2]) / SAMPLE_RATE: "a[2] is the product of both poles, the square "
        "of the radius if they are a pair.",
        np.log(1000) / -np.log(fast) / SAMPLE_RATE: "that is the faster pole: the slower one rings "
        "on after it.",
        2
        * np.log(1000)
        / -np.log(abs(a[2]))
        / SAMPLE_RATE: "the root of a[2] is the radius only of "
        "a complex pair: these two poles are real and have different radii.",
    }
    if np.isclose(answer, right, rtol=1e-3):
        return None
    for other, sentence in known.items():
        if np.isclose(answer, other, rtol=1e-3):
            return sentence
    side = "long" if answer > right else "short"
    return f"{answer:.4g} s is too {side}: it rings for {right:.4g} s."


def _wrong_gain(answer, level_db, threshold_db, ratio, knee_db):
    wrong = hints.numbers(answer) or hints.shape(
        np.squeeze(answer),
        level_db.shape,
        ("levels",) if level_db.ndim == 1 else ("channels", "levels"),
    )
    if wrong:
        return wrong
    answer = np.squeeze(np.asarray(answer, float))
    over = level_db - threshold_db

    def gain(over, slope, knee_db):
        inside = (over + knee_db / 2) ** 2 / (2 * knee_db)
        return -slope * np.where(2 * over < -knee_db, 0, np.where(2 * over > knee_db, over, inside))

    slope = 1 - 1 / ratio
    right = gain(over, slope, knee_db)
    # float32 keeps seven digits of numbers up to 60.
    if np.allclose(answer, right, atol=1e-4):
        return None
    known = {
        "it is the level that comes out, not the gain: subtract the level that goes in.": right
        + level_db,
        "the sign is wrong: a compressor turns down, so its gain in dB is negative.": -right,
        "these are factors, not decibels.": 10 ** (right / 20),
        "that is the hard knee: it has a corner at the threshold.": -slope * np.maximum(over, 0),
        "the slope is 1 - 1 / ratio; this one leaves 1 - 1 / ratio of what is above.": right
        / slope
        / ratio,
        "the slope is 1 - 1 / ratio, and this one is 1 - ratio.": right / slope * (ratio - 1),
        "the ratio is missing: everything above the threshold is cut off.": right / slope,
        "the knee is twice as wide as asked for: it reaches from -W/2 to W/2.": gain(
            over, slope, 2 * knee_db
        ),
        "the knee is half as wide as asked for: it reaches from -W/2 to W/2.": gain(
            over, slope, knee_db / 2
        ),
    }
    wrong = hints.mistake(answer, known, rtol=1e-4, atol=1e-4)
    if wrong:
        return wrong
    off = np.abs(answer - right) > 1e-4
    inside = np.abs(2 * over) <= knee_db
    if not off[~inside].any():
        return "below and above the knee it is right, but not within it."
    if not off[inside | (over < 0)].any():
        return "it is right up to the end of the knee, but not above it."
    if off[2 * over < -knee_db].any():
        return "levels below the knee are changed, but the gain there is 0 dB."
    return hints.close(answer, right, rtol=0, atol=1e-4)


def _bell(n):
    partials = {260.0: 4.0, 520.0: 3.2, 618.0: 2.6, 780.0: 2.0, 1040.0: 1.4}
    seconds = n / SAMPLE_RATE
    return sum(
        10 ** (-3 * seconds / ring) * np.sin(2 * np.pi * hz * seconds)
        for hz, ring in partials.items()
    )


def _ringing(function):
    """Each of three filters, heard for as long as the answer says."""
    sound = np.zeros(2 * SAMPLE_RATE)
    for i, (hz, seconds) in enumerate(((440, 0.3), (550, 0.6), (660, 1.0))):
        n = np.arange(
            min(int(float(np.squeeze(function(_feedback(hz, seconds)))) * SAMPLE_RATE), 16000)
        )
        tone = 10 ** (-3 * n / SAMPLE_RATE / seconds) * np.sin(2 * np.pi * hz * n / SAMPLE_RATE)
        sound[8000 * i : 8000 * i + len(n)] += 0.25 * tone
    return sound


HEARD = {"t60": _ringing}
