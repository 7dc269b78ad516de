import numpy as np

FAULTS = {"A": "filter too short", "B": "time aliasing", "C": "release too slow"}


def radius(a):
    return np.abs(np.roots(a)).max()


def ring(r):
    return np.log(1000) / -np.log(r) / 16000


def by_simulation(a):
    """T60 from the impulse response: how real poles decay late shows the slower one alone."""
    h = [1.0, -a[1]]
    while len(h) < 4000:
        h.append(-a[1] * h[-1] - a[2] * h[-2])
    if np.iscomplex(np.roots(a)).any():
        return ring(a[2] ** 0.5)
    return ring(abs(h[2001] / h[2000]))


def knee(level_db, threshold_db, ratio, knee_db):
    over = level_db - threshold_db
    inside = (over + knee_db / 2) ** 2 / (2 * knee_db)
    above = np.where(2 * over > knee_db, over, inside)
    return -(1 - 1 / ratio) * np.where(2 * over < -knee_db, 0, above)


def in_a_loop(level_db, threshold_db, ratio, knee_db):
    out = np.zeros(np.shape(level_db))
    for i, x in np.ndenumerate(level_db):
        if x > threshold_db + knee_db / 2:
            out[i] = (1 - 1 / ratio) * (threshold_db - x)
        elif x > threshold_db - knee_db / 2:
            out[i] = (1 / ratio - 1) * (x - threshold_db + knee_db / 2) ** 2 / (2 * knee_db)
    return out


def slope_of(wrong):
    """A knee with another slope in place of 1 - 1 / ratio."""
    return lambda x, t, r, w: knee(x, t, r, w) / (1 - 1 / r) * wrong(r)


def hard(level_db, threshold_db, ratio, knee_db):
    return -(1 - 1 / ratio) * np.maximum(level_db - threshold_db, 0)


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf = _tensorflow.load()
    return {
        "wrapped": ["before the strike", "Before_the strike"],
        "sideband": [100, 100.0, [100]],
        "t60": [
            lambda a: 3 / -np.log10(radius(a)) / 16000,
            lambda a: [ring(radius(a))],
            by_simulation,
        ],
        "soft_knee": [
            knee,
            in_a_loop,
            lambda x, t, r, w: tf.constant(knee(x, t, r, w), tf.float32),
        ],
        "faults": [{name: fault.upper() for name, fault in FAULTS.items()}],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    return {
        "wrapped": [
            ("it is cut off", "a circle"),
            ("after the end", "as many samples"),
            (0.5, "one of the words"),
        ],
        "sideband": [
            (-100, "negative frequency"),
            (500, "k = 1"),
            (300, "the modulator, which"),
            (200, "the carrier"),
            (400, "k = -2"),
            (133.3, "not at quotients"),
            (0.1, "kilohertz"),
            (50, "k = -1 times"),
            ([100, 500], "shape"),
        ],
        "t60": [
            (1.0, "should be a function"),
            (lambda a: 1.0, "50 ms: 1 s is too long"),
            (lambda a: ring(radius(a)) * 16000, "samples"),
            (lambda a: ring(radius(a)) * 1000, "milliseconds"),
            (lambda a: -ring(radius(a)), "the sign"),
            (lambda a: ring(radius(a)) / np.log(1000), "a factor of e"),
            (lambda a: 60 / -np.log(radius(a)) / 16000, "natural logarithm is 6.9"),
            (lambda a: 2 * ring(radius(a)), "that of the power"),
            (lambda a: ring(a[2]), "the product of both poles"),
            (lambda a: ring(a[2] ** 0.5), "only of a complex pair"),
            (lambda a: ring(np.abs(np.roots(a)).min()), "the faster pole"),
            (lambda a: ring(np.roots(a).real.max()), "0.02797 s is too short"),
            (lambda a: np.roots(a), "complex"),
        ],
        "soft_knee": [
            (knee(np.linspace(-60, 0, 121), -20, 4, 10), "should be a function"),
            (lambda x, t, r, w: x + knee(x, t, r, w), "the level that comes out"),
            (lambda x, t, r, w: -knee(x, t, r, w), "the sign"),
            (lambda x, t, r, w: 10 ** (knee(x, t, r, w) / 20), "factors"),
            (hard, "the hard knee"),
            (slope_of(lambda r: 1 / r), "leaves 1 - 1 / ratio"),
            (slope_of(lambda r: r - 1), "1 - ratio"),
            (slope_of(lambda r: 1), "the ratio is missing"),
            (lambda x, t, r, w: knee(x, t, r, 2 * w), "twice as wide"),
            (lambda x, t, r, w: knee(x, t, r, w / 2), "half as wide"),
            (lambda x, t, r, w: np.where(2 * abs(x - t) < w, 0, knee(x, t, r, w)), "not within"),
            (
                lambda x, t, r, w: np.where(2 * (x - t) > w, 0, knee(x, t, r, w)),
                "but not above it",
            ),
            (
                lambda x, t, r, w: -(1 - 1 / r) * (x - t + w / 2) ** 2 / (2 * w),
                "below the knee",
            ),
            (lambda x, t, r, w: knee(x, t, r, w)[:-1], "one too few"),
        ],
        "faults": [
            ({**FAULTS, "A": "release too slow"}, "'A': then notes after"),
            ({**FAULTS, "B": "unstable filter"}, "'B': then it would grow"),
            ({**FAULTS, "C": "attack too slow"}, "stick out"),
            ({**FAULTS, "B": "filter too short"}, "cut off"),
            ("time aliasing", "a dictionary"),
        ],
    }
