import math

import numpy as np

FAULTS = {"A": "frames not centred", "B": "no A-weighting", "C": "decibels averaged"}


def weight_db(hz):
    import librosa

    return librosa.A_weighting(np.atleast_1d(hz)).reshape(np.shape(hz))


def by_the_formula(hz):
    def r(f):
        return (
            f**4
            / ((f**2 + 20.6**2) * (f**2 + 12194**2))
            / np.sqrt((f**2 + 107.7**2) * (f**2 + 737.9**2))
        )

    return r(1000.0) / r(np.asarray(hz, float))


def total(levels_db):
    return 10 * np.log10(np.sum(10 ** (np.asarray(levels_db) / 10)))


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf = _tensorflow.load()
    return {
        "hum": ["less than 1 dB", "Less than 1 dB"],
        "gain": [
            by_the_formula,
            lambda hz: np.sqrt(10 ** (-weight_db(hz) / 10)),
            lambda hz: tf.constant(10 ** (-weight_db(hz) / 20)),
            lambda hz: np.atleast_1d(10 ** (-weight_db(hz) / 20)).tolist(),
            lambda hz: np.round(by_the_formula(hz), 3),
        ],
        "together": [
            total,
            lambda levels: 10 * math.log10(sum(10 ** (level / 10) for level in levels)),
            lambda levels: np.array([total(levels)]),
            lambda levels: round(total(levels), 1),
            # Effective amplitudes of independent sounds add up like the sides of right angles.
            lambda levels: 20 * np.log10(np.linalg.norm(10 ** (levels / 20))),
        ],
        "faults": [FAULTS, {name: fault.upper() for name, fault in FAULTS.items()}],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    return {
        "hum": [
            ("about 3 dB", "before the powers are added"),
            ("about 30 dB", "Powers add up"),
            ("0 dB", "among the words"),
        ],
        "gain": [
            (32.6, "should be a function"),
            (lambda hz: 10 ** (-weight_db(hz) / 10), "ratio of powers"),
            (lambda hz: 10 ** (weight_db(hz) / 20), "softer still"),
            (lambda hz: -weight_db(hz), "these are decibels"),
            (weight_db, "A-weights in decibels"),
            (lambda hz: np.exp(-weight_db(hz) / 20), "power of e"),
            (lambda hz: 10 ** (-weight_db(hz) / 40), "half of the decibels"),
            (lambda hz: 10 ** (-(weight_db(hz) - 2.0) / 20), "2.0 dB"),
            (lambda hz: np.full(np.shape(hz), 10 ** (30.3 / 20)), "too loud"),
            (lambda hz: 1000 / np.asarray(hz), "too soft"),
            (lambda hz: by_the_formula(np.min(hz)), "shape"),
        ],
        "together": [
            (-28, "should be a function"),
            (lambda levels: 20 * np.log10(np.sum(10 ** (levels / 20))), "in phase"),
            (np.sum, "decibels were added"),
            (lambda levels: 10 * np.log10(np.mean(10 ** (levels / 10))), "mean of the powers"),
            (lambda levels: levels.mean() + 10 * np.log10(len(levels)), "all are equally loud"),
            (lambda levels: levels[0] + 10 * np.log10(len(levels)), "as loud as the first"),
            (lambda levels: levels.max(), "one average player"),
            (lambda levels: total(levels) / 10, "bels"),
            (lambda levels: 10 ** (total(levels) / 10), "a power"),
            (lambda levels: -28.0, "too soft"),
            (lambda levels: 10 * np.log(np.sum(10 ** (levels / 10))), "natural logarithm"),
        ],
        "faults": [
            ({**FAULTS, "A": "no floor"}, "'A': then a rest"),
            ({**FAULTS, "B": "decibels averaged"}, "'B': then the noise"),
            ({**FAULTS, "C": "amplitude taken for power"}, "half as large"),
            ({**FAULTS, "C": "no A-weighting"}, "'C': then the hum"),
            (["no A-weighting"], "a dictionary"),
        ],
    }
