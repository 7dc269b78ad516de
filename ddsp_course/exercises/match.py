"""Exercises of notebooks/04_beyond_the_paper/00_match_a_sound.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE


def valleys(answer):
    """A prediction: where the false valleys of the spectral loss over f0 lie."""
    return hints.choice(
        answer,
        "at musical intervals",
        ("evenly spaced in hertz", "at musical intervals", "only at the octaves"),
        {
            "evenly spaced in hertz": "the loss dips where our harmonics lie on the target's, and "
            "their ratios decide that. Run the next cell.",
            "only at the octaves": "at 330 Hz, too, every second one of our harmonics lies on one of "
            "the target's. Run the next cell.",
        },
    )


def work(function):
    """A function (power, other_power, bin_hz) -> the transport distance in Hz."""
    bins = np.arange(200)

    def peaks(*places):
        return sum(np.exp(-0.5 * ((bins - place) / 2) ** 2) for place in places)

    rng = np.random.default_rng(4)
    return hints.on_each(
        function,
        {
            "a peak that moves by 50 bins": (peaks(40), peaks(90), 7.8125),
            "a soft copy, 10 bins lower": (peaks(60), 0.1 * peaks(50), 20.0),
            "two peaks that move apart": (peaks(80, 100), peaks(60, 120), 10.0),
            "random spectra": (rng.uniform(0, 3, 65), rng.uniform(0, 1, 65), 125.0),
            "twice the same": (peaks(30, 70), 2 * peaks(30, 70), 10.0),
        },
        _wrong_work,
    )


def grid(function):
    """A function (low_hz, high_hz, reach_cents) -> the fewest pitches in Hz that reach all between."""
    return hints.on_each(
        function,
        {
            "80 to 1200 Hz with a reach of 110 cents": (80.0, 1200.0, 110.0),
            "55 to 880 Hz with a reach of 35 cents": (55.0, 880.0, 35.0),
            "200 to 300 Hz with a reach of 400 cents": (200.0, 300.0, 400.0),
        },
        _wrong_grid,
    )


def faults(named):
    """{match: what went wrong} for the three of `faulty_matches`."""
    return hints.choices(
        named,
        {"A": "energy matched, pitch missed", "B": "still ringing down", "C": "stuck in a valley"},
        (
            *("stuck in a valley", "an octave too low", "energy matched, pitch missed"),
            *("faded out", "still ringing down"),
        ),
        {
            "stuck in a valley": "then target and match would sound consonant together, in the same "
            "timbre.",
            "an octave too low": "then they would share their note's name, and the match's lines "
            "would lie twice as close.",
            "energy matched, pitch missed": "then the timbre would differ, and the energy would lie "
            "in the same region.",
            "faded out": "then the match would be soft from its beginning.",
            "still ringing down": "then the match would be loud at first and fade.",
        },
    )


def faulty_matches():
    """Return {name: sound} of three targets, each followed by a faulty match, (25600,) each."""
    ten = np.arange(1.0, 11.0)
    # Flatter harmonics at 121.8 Hz have the same mean frequency as 1 / k at 220 Hz.
    lower = _played(121.8, 0.1 / np.sqrt(ten), 0.9)
    ringing = _played(440.0, [0.4], 0.9) * np.exp(-np.arange(round(0.9 * SAMPLE_RATE)) / 1600)
    return {
        "A": _in_turn(_played(220.0, 0.2 / ten, 0.6), lower),
        "B": _in_turn(_played(440.0, [0.4], 0.6), ringing),
        "C": _in_turn(_played(220.0, 0.2 / ten, 0.6), _played(330.0, 0.2 / ten, 0.9)),
    }


def _played(f0_hz, amplitudes, seconds):
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    harmonics = np.arange(1, len(amplitudes) + 1)
    fade = np.clip(np.minimum(time, seconds - time) / 0.02, 0, 1)
    return fade * (np.sin(2 * np.pi * f0_hz * np.outer(time, harmonics)) @ np.asarray(amplitudes))


def _in_turn(target, match):
    return np.concatenate([target, np.zeros(SAMPLE_RATE // 10), match])


def _wrong_work(made, power, other_power, bin_hz):
    wrong = hints.one_number(made)
    if wrong:
        return wrong
    made = float(np.squeeze(made))
    p, q = power / power.sum(), other_power / other_power.sum()
    gap = np.cumsum(p) - np.cumsum(q)
    right = np.abs(gap).sum() * bin_hz
    if np.isclose(made, right, rtol=1e-3, atol=1e-3):
        return None
    unscaled = np.abs(np.cumsum(power) - np.cumsum(other_power)).sum() * bin_hz
    known = {
        "the two spectra are not scaled to a sum of 1, so their levels count as well.": unscaled,
        "it is counted in bins: multiply by the distance between bins to get hertz.": (
            np.abs(gap).sum()
        ),
        "it compares each bin with the same bin: add up the spectra from below first.": (
            np.abs(p - q).sum() * bin_hz
        ),
        "what moves up and what moves down cancel: take the absolute value of each difference, and "
        "then add up.": abs(gap.sum()) * bin_hz,
        "it has a sign: take the absolute value of each difference.": -right,
        "it is the mean over the bins, and the work is their sum.": np.abs(gap).mean() * bin_hz,
        "the differences are squared, so far moves count too little or too much: take their "
        "absolute value.": (gap**2).sum() * bin_hz,
        "it is the largest difference alone: add all of them up.": np.abs(gap).max() * bin_hz,
    }
    wrong = hints.mistake(made, known, rtol=1e-6)
    if wrong:
        return wrong
    if right == 0:
        return f"spectra that differ in level alone need no work, and this is {made:.4g}."
    return f"it is {made:.4g} and should be {right:.4g} Hz."


def _wrong_grid(made, low_hz, high_hz, reach_cents):
    wrong = hints.numbers(made)
    if wrong:
        return wrong
    made = np.sort(np.atleast_1d(np.squeeze(np.asarray(made, float))))
    if made.ndim > 1 or not len(made):
        return f"the answer should be a row of pitches, but its shape is {np.shape(made)}."
    if made[0] <= 0 or made[-1] > 4 * high_hz or made[0] < low_hz / 4:
        return (
            f"the pitches run from {made[0]:.4g} to {made[-1]:.4g}, but should be in hertz, around "
            f"{low_hz:.0f} to {high_hz:.0f}."
        )
    steps = 1200 * np.diff(np.log2(made))
    cents = 1200 * np.log2(high_hz / low_hz)
    needed = int(np.ceil(cents / (2 * reach_cents)))
    if len(steps) and np.ptp(steps) > 0.01 * steps.mean():
        if np.allclose(np.diff(made), np.diff(made)[0], rtol=0.01):
            return "they are evenly spaced in hertz, so the low ones lie too far apart in cents."
        return f"they are not evenly spaced: the steps go from {steps.min():.0f} to {steps.max():.0f} cents."
    slack = 1e-6 * cents  # rounding
    if len(steps) and steps.mean() > 2 * reach_cents + slack:
        return (
            f"a step of {steps.mean():.0f} cents leaves a gap: half a step is more than the reach of "
            f"{reach_cents:.0f} cents."
        )
    if 1200 * np.log2(made[0] / low_hz) > reach_cents + slack:
        return f"{low_hz:.0f} Hz is out of reach of the lowest pitch, {made[0]:.1f} Hz."
    if 1200 * np.log2(high_hz / made[-1]) > reach_cents + slack:
        return f"{high_hz:.0f} Hz is out of reach of the highest pitch, {made[-1]:.1f} Hz."
    if len(made) > needed:
        return (
            f"it has {len(made)} pitches, and {needed} are enough: each covers its reach to both "
            "sides, and the first need not lie at the end of the range."
        )
    return None
