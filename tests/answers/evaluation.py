"""Answers to the exercises of 04_beyond_the_paper/03_is_it_any_good, right and wrong."""

import numpy as np


def tail(k, n):
    from math import comb

    return sum(comb(n, i) for i in range(int(k), n + 1)) / 2**n


def from_below(n_trials, limit):
    n_right = 0
    while tail(n_right, n_trials) > limit:
        n_right += 1
    return [n_right]


def by_scipy(n_trials, limit):
    from scipy.stats import binom

    return binom.isf(limit, n_trials, 0.5) + 1


def by_coins(n_trials, limit):
    """Return the exact distribution by adding one coin after another."""
    chances = np.ones(1)
    for _ in range(n_trials):
        chances = np.convolve(chances, [0.5, 0.5])
    at_least = np.cumsum(chances[::-1])[::-1]
    return np.flatnonzero(at_least <= limit)[0]


def least_squares(n_frames, distances):
    matrix = np.stack([np.ones(len(n_frames)), 1 / np.asarray(n_frames, float)], axis=1)
    return np.linalg.lstsq(matrix, distances, rcond=None)[0][:1]


def by_means(n_frames, distances):
    x = 1 / np.asarray(n_frames, float)
    slope = np.cov(x, distances)[0, 1] / np.var(x, ddof=1)
    return np.mean(distances) - slope * x.mean()


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf = _tensorflow.load()
    return {
        "overlooks": [
            {
                "samples": "Hiss",
                "pitch": "6_dB_softer",
                "loudness": " 10 cents sharp",
                "Fréchet": "shuffled",
            }
        ],
        "needed": [from_below, by_scipy, by_coins],
        "endless": [
            least_squares,
            by_means,
            lambda n, d: tf.constant(np.polyfit(1 / n, d, 1)[1]),
            lambda n, d: np.polynomial.Polynomial.fit(1 / n, d, 1)(0),
        ],
        "studies": [
            {
                "A": "Levels not matched",
                "B": "stopped_when_it_looked_good",
                "C": " unequal numbers of frames",
            }
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    overlooked = {
        "samples": "hiss",
        "pitch": "6 dB softer",
        "loudness": "10 cents sharp",
        "Fréchet": "shuffled",
    }
    faults = {
        "A": "levels not matched",
        "B": "stopped when it looked good",
        "C": "unequal numbers of frames",
    }

    def two_sided(n, limit):
        return from_below(n, limit / 2)[0]

    def one_point(n, limit):
        from math import comb

        return next(k for k in range(n // 2, n + 1) if comb(n, k) / 2**n <= limit)

    def normal(n, limit):
        from scipy.stats import norm

        return n / 2 + norm.isf(limit) * np.sqrt(n) / 2

    return {
        "overlooks": [
            (overlooked | {"samples": "shuffled"}, "'samples': "),
            (overlooked | {"samples": "10 cents sharp"}, "'samples': "),
            (overlooked | {"pitch": "10 cents sharp"}, "'pitch': "),
            (overlooked | {"pitch": "hiss"}, "'pitch': "),
            (overlooked | {"loudness": "6 dB softer"}, "'loudness': "),
            (overlooked | {"Fréchet": "hiss"}, "'Fréchet': "),
            (overlooked | {"Fréchet": "6 dB softer"}, "'Fréchet': "),
            ({"samples": "hiss"}, "nothing about 'pitch'"),
            ("hiss", "a dictionary such as"),
        ],
        "needed": [
            (lambda n, limit: from_below(n, limit)[0] - 1, "leaves out the number itself"),
            (two_sided, "one side"),
            (one_point, "whose own probability"),
            (lambda n, limit: n - from_below(n, limit)[0], "number of wrong answers"),
            (normal, "count whole answers"),
            (lambda n, limit: tail(12, n), "count whole answers"),
            (lambda n, limit: n, "or more right with a probability of"),
            (lambda n, limit: n + 1, "there are 16 answers"),
            (lambda n, limit: [12, 4], "should be ()"),
            (12, "should be a function"),
        ],
        "endless": [
            (lambda n, d: np.polyfit(1 / n, d, 1)[0], "the line's slope"),
            (lambda n, d: np.polyfit(n, d, 1)[1], "goes over N"),
            (lambda n, d: np.mean(d), "the mean of all"),
            (lambda n, d: d[np.argmax(n)], "the most frames"),
            (lambda n, d: np.polyfit(1 / n, d, 1).sum(), "for a single frame"),
            (lambda n, d: np.polyfit(1 / n[-2:], d[-2:], 1)[1], "the last two sizes"),
            (lambda n, d: np.min(d) / 2, "should be"),
            (lambda n, d: np.polyfit(1 / n, d, 1), "should be ()"),
            (0.0, "should be a function"),
        ],
        "studies": [
            (faults | {"A": "too few answers to notice anything"}, "'A': 15 of 16"),
            (faults | {"A": "stopped when it looked good"}, "'A': all of its 16"),
            (faults | {"B": "levels not matched"}, "'B': nothing is said"),
            (faults | {"B": "too few answers to notice anything"}, "'B': something was"),
            (faults | {"C": "a reference of another kind"}, "'C': both of its numbers"),
            (faults | {"C": "stopped when it looked good"}, "'C': in C nobody"),
            (faults | {"C": "levels not matched"}, "'C': its models"),
            ({"A": "levels not matched"}, "says nothing about 'B'"),
            ("levels not matched", "a dictionary such as"),
        ],
    }
