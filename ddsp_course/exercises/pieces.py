"""Exercises of notebooks/04_beyond_the_paper/04_where_it_went.ipynb."""

import numpy as np
from numpy.polynomial import chebyshev

from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE

NYQUIST = SAMPLE_RATE / 2
# The string of Schuck and Young: its 15th partial lies where a 16th harmonic would.
PARTIAL, HARMONIC = 15, 16


def band_limit(function):
    """A function (table, f0_hz) -> the table without its harmonics at or above 8000 Hz."""
    rng = np.random.default_rng(5)
    saw = np.linspace(-1, 1, 512, endpoint=False)
    return hints.on_each(
        function,
        {
            "a sawtooth at 1234 Hz": (saw, 1234.0),
            "a sawtooth at 1000 Hz, whose eighth harmonic lies at 8000 Hz": (saw, 1000.0),
            "a table with an odd number of values": (rng.normal(size=255), 310.0),
            "a table with a mean that is not zero": (saw[:128] ** 2, 700.0),
            "a table whose harmonics all lie below 8000 Hz": (rng.normal(size=64), 110.0),
        },
        _wrong_table,
    )


def chord(answer):
    """A prediction: what one waveshaper makes of two notes at once."""
    look = "run the next cell and listen."
    return hints.choice(
        answer,
        "both, and notes that nobody played",
        ("both, each brighter", "both, and notes that nobody played", "the louder one"),
        {
            "both, each brighter": "that holds for a sum, and a waveshaper is no sum: the square of "
            f"a + b contains 2ab. {look[0].upper()}{look[1:]}",
            "the louder one": f"a curve does not choose between its inputs: {look}",
        },
    )


def stiffness(answer):
    """The B with which the 15th partial lies where the 16th harmonic would: 0.00061."""
    wrong = hints.one_number(answer)
    if wrong:
        return wrong
    answer = float(np.squeeze(answer))
    ratio = HARMONIC / PARTIAL
    right = (ratio**2 - 1) / PARTIAL**2
    # Measured from the first partial, which is itself a little sharp, it is 0.5 % more.
    if abs(answer / right - 1) <= 0.01:
        return None
    known = {
        "the root is still to be undone: square 16/15 first.": (ratio - 1) / PARTIAL**2,
        "B is multiplied by the square of k: divide by 15 * 15.": (ratio**2 - 1) / PARTIAL,
        "that is B times the square of k: divide it by 15 * 15.": ratio**2 - 1,
        "the 15th partial is the one that is stretched: k is 15, not 16.": (ratio**2 - 1)
        / HARMONIC**2,
        "that is the ratio 16/15 itself: put it in place of the root, and solve for B.": ratio,
        "this would make the partial flat: the sign is wrong.": -right,
    }
    # The mistakes lie 7 % apart or more.
    return hints.mistake(answer, known, rtol=0.01) or (
        f"with B = {answer:.4g}, "
        + (
            "the root cannot be taken."
            if 1 + answer * PARTIAL**2 < 0
            else f"partial 15 lies at {PARTIAL * np.sqrt(1 + answer * PARTIAL**2):.2f} times f0, and "
            "should lie at 16 times f0."
        )
    )


def heard_at(function):
    """A function (onset_s, hop_size, sample_rate) -> when the frame of each onset is complete."""
    rng = np.random.default_rng(6)

    def onsets(n, sample_rate):
        # In the middle between two samples: rounding then decides nothing.
        return (np.sort(rng.integers(0, sample_rate, n)) + 0.5) / sample_rate

    return hints.on_each(
        function,
        {
            "five onsets, frames of 2048 at 44100 Hz": (onsets(5, 44100), 2048, 44100),
            "nine onsets, frames of 128 at 44100 Hz": (onsets(9, 44100), 128, 44100),
            "one onset, frames of 64 at 16000 Hz": (np.array([0.10003125]), 64, 16000),
        },
        _wrong_time,
    )


def faults(named):
    """{sound: its fault} for the three sounds of `faulty_sounds`."""
    return hints.choices(
        named,
        {
            "A": "one waveshaper for all notes",
            "B": "phase starts anew in each frame",
            "C": "table not band-limited",
        },
        (
            "table not band-limited",
            "one waveshaper for all notes",
            "strings too far out of tune",
            "phase starts anew in each frame",
            "late and unsteady",
        ),
        {
            "table not band-limited": "then lines would fall while the note rises.",
            "one waveshaper for all notes": "then there would be more than one note, and others "
            "that nobody played.",
            "strings too far out of tune": "then it would swell and fade, and nothing would be added "
            "between its partials.",
            "phase starts anew in each frame": "then it would buzz, with a grid of lines that stays "
            "where it is while the note glides.",
            "late and unsteady": "then each note would sound right, and only come at a wrong time.",
        },
    )


def faulty_sounds():
    """Return {name: sound} of the three sounds that `faults` asks about, (n_samples,) each."""
    n = np.arange(3 * SAMPLE_RATE // 2)
    fade = _faded(len(n))
    heights = [0, 1, 0.6, 0.4, 0.2]
    third = sum(np.cos(2 * np.pi * hz * n / SAMPLE_RATE) for hz in (220, 277.2)) / 2
    # A frame of 10 ms is no whole number of periods.
    glide = np.geomspace(150, 230, len(n))
    in_frames = np.concatenate([np.cumsum(part) for part in np.split(glide, len(n) // 160)])
    # Slow enough for its lines to be seen; the eighth harmonic folds from 1000 Hz on.
    rising = np.cumsum(np.linspace(700, 1500, 3 * SAMPLE_RATE))
    return {
        "A": 0.2 * fade * chebyshev.chebval(third, heights),
        "B": 0.2 * fade * _sawtooth(in_frames / SAMPLE_RATE, 20),
        "C": 0.15 * _sawtooth(rising / SAMPLE_RATE, 8) * _faded(len(rising)),
    }


def _sawtooth(periods, n_harmonics):
    return sum(np.sin(2 * np.pi * k * periods) / k for k in range(1, n_harmonics + 1))


def _faded(n_samples):
    n = np.arange(n_samples)
    return np.clip(np.minimum(n, n[::-1]) / 800, 0, 1)


def _without(table, gone):
    spectrum = np.fft.rfft(table)
    spectrum[gone(np.arange(len(spectrum)))] = 0
    return np.fft.irfft(spectrum, len(table))


def _wrong_table(answer, table, f0_hz):
    wrong = hints.numbers(answer) or hints.shape(np.squeeze(answer), table.shape, ("values",))
    if wrong:
        return wrong
    answer = np.squeeze(np.asarray(answer, float))
    right = _without(table, lambda k: k * f0_hz >= NYQUIST)
    # float32 keeps seven digits of numbers of about 1.
    if np.allclose(answer, right, atol=1e-4):
        return None
    known = {
        "it keeps what should go, and removes what should stay.": table - right,
        "a harmonic at exactly 8000 Hz is still there: it should go, too.": _without(
            table, lambda k: k * f0_hz > NYQUIST
        ),
        "the highest harmonic below 8000 Hz is missing.": _without(
            table, lambda k: (k + 1) * f0_hz >= NYQUIST
        ),
        "it keeps everything below 16000 Hz: harmonics fold from half the sample rate on.": _without(
            table, lambda k: k * f0_hz >= SAMPLE_RATE
        ),
        "the mean is gone as well: number 0 of the spectrum lies at 0 Hz.": right - right.mean(),
        "nothing is removed: harmonic k lies at k times f0_hz.": table,
    }
    wrong = hints.mistake(answer, known, rtol=1e-4, atol=1e-4)
    if wrong:
        return wrong
    harmonics = np.abs(np.fft.rfft(answer))
    kept = np.flatnonzero(harmonics > 1e-3 * harmonics.max())
    above = kept[kept * f0_hz >= NYQUIST]
    if len(above):
        return f"harmonic {above[0]} is still there, and would be at {above[0] * f0_hz:.0f} Hz."
    return hints.close(answer, right, rtol=0, atol=1e-4)


def _wrong_time(answer, onset_s, hop_size, sample_rate):
    wrong = hints.numbers(answer) or hints.shape(np.atleast_1d(answer), onset_s.shape, ("onsets",))
    if wrong:
        return wrong
    answer = np.atleast_1d(np.asarray(answer, float))
    hop_s = hop_size / sample_rate
    right = np.ceil(onset_s / hop_s) * hop_s
    # A hundredth of a sample; float32 is as precise over a second.
    atol = 0.01 / sample_rate
    if np.allclose(answer, right, rtol=0, atol=max(atol, 1e-6)):
        return None
    known = {
        "these are the times at which the frames begin, before the onsets: nothing can be heard "
        "before it is played.": right - hop_s,
        "these are delays: add the onsets.": right - onset_s,
        "each onset comes one frame later, wherever in its frame it lies: in this way no onset would "
        "be late by less than another.": onset_s + hop_s,
        "each onset comes half a frame later: that is the mean delay, and the function should give "
        "each onset its own.": onset_s + hop_s / 2,
        "these are samples: divide by the sample rate.": right * sample_rate,
        "these are milliseconds: the answer should be in seconds.": right * 1000,
        "these are the numbers of the frames: multiply by their length in seconds.": right / hop_s,
        "it is one frame too late: a frame is complete as soon as its last sample has come.": right
        + hop_s,
        "these are the nearest limits between frames: half of them lie before the onset.": np.round(
            onset_s / hop_s
        )
        * hop_s,
        "these are the onsets: nothing is late.": onset_s,
    }
    return hints.mistake(answer, known, rtol=1e-6, atol=max(atol, 1e-6)) or hints.close(
        answer, right, rtol=0, atol=max(atol, 1e-6)
    )


def _siren(function):
    """Ten harmonics that rise from 600 to 1600 Hz, their table limited anew for each piece."""
    f0_hz = np.linspace(600, 1600, 3 * SAMPLE_RATE)
    periods = np.cumsum(f0_hz) / SAMPLE_RATE
    wave = _sawtooth(np.arange(512) / 512, 10)
    sound = np.empty(len(f0_hz))
    for part in np.split(np.arange(len(f0_hz)), 60):
        table = np.squeeze(np.asarray(function(wave, float(f0_hz[part].max())), float))
        at = np.arange(513) / 512
        sound[part] = np.interp(periods[part] % 1, at, np.append(table, table[0]))
    return 0.2 * sound * _faded(len(sound))


HEARD = {"band_limit": _siren}
