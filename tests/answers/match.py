"""Answers to the exercises of 04_beyond_the_paper/00_match_a_sound, right and wrong."""

import numpy as np


def scaled(power, other_power):
    return power / np.sum(power), other_power / np.sum(other_power)


def in_a_loop(power, other_power, bin_hz):
    p, q = scaled(power, other_power)
    carried = total = 0.0
    for here, there in zip(p, q, strict=True):
        carried += here - there
        total += abs(carried)
    return [total * bin_hz]


def by_quantiles(power, other_power, bin_hz):
    from scipy.stats import wasserstein_distance

    hz = np.arange(len(power)) * bin_hz
    return wasserstein_distance(hz, hz, power, other_power)


def from_the_bottom(low_hz, high_hz, reach_cents):
    """The first pitch reaches down to low_hz exactly, and each step is two reaches long."""
    pitches = [low_hz * 2 ** (reach_cents / 1200)]
    while pitches[-1] * 2 ** (reach_cents / 1200) < high_hz:
        pitches.append(pitches[-1] * 2 ** (2 * reach_cents / 1200))
    return pitches


def middles(low_hz, high_hz, reach_cents):
    n = -int(-1200 * np.log2(high_hz / low_hz) // (2 * reach_cents))
    edges = np.geomspace(low_hz, high_hz, n + 1)
    return np.sqrt(edges[1:] * edges[:-1])[::-1]


def with_both_ends(low_hz, high_hz, step_cents):
    return np.geomspace(low_hz, high_hz, int(1200 * np.log2(high_hz / low_hz) / step_cents) + 2)


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf = _tensorflow.load()
    return {
        "valleys": ["at musical intervals", "At_musical intervals "],
        "work": [
            in_a_loop,
            by_quantiles,
            lambda p, q, hz: tf.constant(in_a_loop(p, q, hz))[None],
        ],
        "grid": [
            from_the_bottom,
            middles,
            lambda low, high, reach: tf.constant(middles(low, high, reach)),
        ],
        "faults": [
            {
                "A": "Energy matched, pitch missed",
                "B": "still_ringing_down",
                "C": " stuck in a valley",
            }
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    named = {
        "A": "energy matched, pitch missed",
        "B": "still ringing down",
        "C": "stuck in a valley",
    }

    def gap(p, q):
        return np.cumsum(scaled(p, q)[0]) - np.cumsum(scaled(p, q)[1])

    def too_many(low, high, reach):
        return with_both_ends(low, high, 2 * reach)

    def in_hertz(low, high, reach):
        return np.linspace(low, high, len(middles(low, high, reach)) + 1)

    return {
        "valleys": [
            ("evenly spaced in hertz", "their ratios"),
            ("only at the octaves", "330 Hz"),
            (["at musical intervals"] * 2, "one of the words"),
        ],
        "work": [
            (lambda p, q, hz: np.abs(np.cumsum(p) - np.cumsum(q)).sum() * hz, "levels count"),
            (lambda p, q, hz: np.abs(gap(p, q)).sum(), "counted in bins"),
            (lambda p, q, hz: np.abs(np.subtract(*scaled(p, q))).sum() * hz, "add up the spectra"),
            (lambda p, q, hz: abs(gap(p, q).sum()) * hz, "cancel"),
            (lambda p, q, hz: -gap(p, q).sum() * hz, "it has a sign"),
            (lambda p, q, hz: gap(q, p).sum() * hz, "it has a sign"),
            (lambda p, q, hz: np.abs(gap(p, q)).mean() * hz, "the mean over the bins"),
            (lambda p, q, hz: (gap(p, q) ** 2).sum() * hz, "are squared"),
            (lambda p, q, hz: np.abs(gap(p, q)).max() * hz, "largest difference"),
            (lambda p, q, hz: in_a_loop(p**2, q**2, hz)[0], "should be"),
            (lambda p, q, hz: np.abs(gap(p, q)) * hz, "should be ()"),
            (110.0, "should be a function"),
        ],
        "grid": [
            (in_hertz, "evenly spaced in hertz"),
            (too_many, "are enough"),
            (lambda low, high, reach: with_both_ends(low, high, reach), "are enough"),
            (lambda low, high, reach: with_both_ends(low, high, 4 * reach), "leaves a gap"),
            (lambda low, high, reach: middles(low, high, reach)[:-1], "out of reach of the lowest"),
            (lambda low, high, reach: middles(low, high, reach)[1:], "out of reach of the highest"),
            (lambda low, high, reach: np.arange(0, 1200, reach), "should be in hertz"),
            (lambda low, high, reach: np.r_[low, middles(low, high, reach)], "not evenly"),
            (np.geomspace(80, 1200, 22), "should be a function"),
        ],
        "faults": [
            (named | {"A": "an octave too low"}, "'A': then they would share"),
            (named | {"A": "stuck in a valley"}, "'A': then target and match"),
            (named | {"B": "faded out"}, "'B': then the match would be soft"),
            (named | {"C": "energy matched, pitch missed"}, "'C': then the timbre"),
            (named | {"C": "still ringing down"}, "'C': then the match would be loud"),
            ({"A": "energy matched, pitch missed"}, "says nothing about 'B'"),
            ("stuck in a valley", "a dictionary such as"),
        ],
    }
