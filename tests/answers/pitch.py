import numpy as np

CENTS = 1997.3794084376191 + 20 * np.arange(360)
DISTANCE = np.abs(np.subtract.outer(np.arange(360), np.arange(360)))
FAULTS = {"A": "no weighted mean", "B": "confidence ignored", "C": "no Viterbi"}


def hz(cents):
    return 10 * 2 ** (np.asarray(cents) / 1200)


def pitches(reach=4, least=0.5, average=None, to=hz, empty=0.0):
    """A way to answer `hertz`, with a mistake or without."""

    def f0_hz(activation):
        result = np.full(len(activation), empty)
        for i, row in enumerate(activation):
            middle = row.argmax()
            near = np.arange(max(0, middle - reach), min(360, middle + reach + 1))
            if row[middle] >= least:
                result[i] = (average or cents_of)(row, near, to)
        return result

    return f0_hz


def cents_of(row, near, to):
    return to(np.average(CENTS[near], weights=row[near]))


def hertz_of(row, near, to):
    return np.average(to(CENTS[near]), weights=row[near])


def unweighted(row, near, to):
    return to(CENTS[near].mean())


def accuracy(fold=True, frames="voiced", absolute=True, zero_wrong=True, times=1):
    """A way to answer `chroma`, with a mistake or without."""

    def share(estimate_hz, true_hz, cents):
        counts = true_hz > 0 if frames == "voiced" else np.ones(len(true_hz), bool)
        if not zero_wrong:
            counts = counts & (estimate_hz > 0)
        octaves = np.log2(np.maximum(estimate_hz, 1e-9) / np.maximum(true_hz, 1e-9))
        off = 1200 * (octaves - np.round(octaves) if fold else octaves)
        off = np.abs(off) if absolute else off
        right = (off < cents) & (estimate_hz > 0) & (true_hz > 0)
        return times * right[counts].mean()

    return share


def by_mir_eval(estimate_hz, true_hz, cents):
    import mir_eval

    voiced = (true_hz > 0).astype(float)
    safe = [1200 * np.log2(np.maximum(hz, 1e-6) / 10) for hz in (true_hz, estimate_hz)]
    safe[1][estimate_hz == 0] = 0.0
    return mir_eval.melody.raw_chroma_accuracy(
        voiced, safe[0], np.ones(len(voiced)), safe[1], cent_tolerance=cents
    )


def downward_missed(estimate_hz, true_hz, cents):
    counts = true_hz > 0
    off = (1200 * np.log2(np.maximum(estimate_hz[counts], 1e-9) / true_hz[counts])) % 1200
    return np.mean((off < cents) & (estimate_hz[counts] > 0))


def rows(weights):
    return weights / weights.sum(axis=1)[:, None]


def triangle(reach):
    return np.maximum(reach - DISTANCE, 0.0)


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow, crepe

    tf = _tensorflow.load()

    def by_crepe(activation):
        f0_hz, confidence = crepe.to_f0(activation, viterbi=False)
        return np.where(confidence >= 0.5, f0_hz, 0)

    return {
        "lost": ["60 dB softer", "60 DB Softer"],
        "hertz": [
            by_crepe,
            pitches(),
            lambda activation: tf.constant(pitches()(activation)),
            lambda activation: np.round(pitches()(activation), 1).tolist(),
            lambda activation: pitches()(activation)[:, None],
        ],
        "chroma": [
            accuracy(),
            by_mir_eval,
            lambda *given: np.array([accuracy()(*given)]),
            lambda *given: round(accuracy()(*given), 3),
        ],
        "transition": [
            rows(np.where(DISTANCE <= 60, 61 - DISTANCE, 0)),
            tf.constant(rows(triangle(61)), tf.float32),
            np.round(rows(triangle(61)), 4),
        ],
        "faults": [FAULTS, {name: fault.upper() for name, fault in FAULTS.items()}],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    weights = triangle(61)
    return {
        "lost": [
            ("as it is", "standard deviation"),
            ("with an offset", "constant"),
            ("softer", "among the words"),
        ],
        "hertz": [
            (440.0, "should be a function"),
            (
                lambda activation: hz(CENTS[activation.argmax(axis=1)]),
                "middle of the most active bin",
            ),
            (pitches(average=hertz_of), "averaged in hertz"),
            (pitches(average=lambda row, near, to: cents_of(row, np.arange(360), to)), "all bins"),
            (pitches(reach=3), "fewer than nine"),
            (pitches(reach=5), "more than nine"),
            (pitches(average=unweighted), "middle of the most active bin"),
            (pitches(least=0), "where the confidence"),
            (pitches(least=0.4), "where the confidence"),
            (pitches(least=0.6), "gets no pitch"),
            (pitches(least=0.95), "gets no pitch"),
            (pitches(empty=np.nan), "NaN"),
            (pitches(empty=-1.0), "exactly 0"),
            (pitches(to=lambda cents: cents), "these are cents"),
            (pitches(to=lambda cents: (cents - CENTS[0]) / 20), "these are bins"),
            (pitches(to=lambda cents: 2 ** (cents / 1200)), "from 10 Hz"),
            (pitches(to=lambda cents: hz(cents - CENTS[0])), "20 semitones too low"),
            (pitches(to=lambda cents: hz(cents + 4)), "4.0 cents sharp"),
            (lambda activation: np.full(len(activation), 438.0), "cents"),
            (lambda activation: pitches()(activation)[:-1], "frames"),
            (lambda activation: activation[400], "IndexError"),
        ],
        "chroma": [
            (0.8, "should be a function"),
            (accuracy(fold=False), "octave errors"),
            (accuracy(frames="all"), "without a true pitch"),
            (accuracy(absolute=False), "absolute"),
            (accuracy(zero_wrong=False), "left out"),
            (accuracy(times=100), "a percentage"),
            (downward_missed, "just below 1200"),
            (lambda *given: 1 - accuracy()(*given), "wrong frames"),
            (lambda *given: accuracy()(given[0], given[1], 50), "within 80 cents"),
            (lambda *given: 0.8, "apart from whole octaves"),
            (
                lambda *given: np.mean(np.abs(given[0] - given[1]) < given[2]),
                "without a true pitch",
            ),
            (lambda *given: given[0], "shape"),
        ],
        "transition": [
            (weights, "not yet probabilities"),
            (rows(weights).T, "each column adds up"),
            (weights / weights.sum(), "the whole matrix"),
            (rows(triangle(60)), "still out of reach"),
            (rows(triangle(12)), "lose the octaves"),
            (rows(triangle(13)), "a fifth of an octave"),
            (rows((DISTANCE <= 60) * 1.0), "jumps about"),
            (np.log(weights + 1e-300), "negative"),
            (weights / 61**2, "adds up to"),
            (rows(triangle(81)), "reaches 80 bins"),
            (rows(triangle(61) ** 2), "straight line"),
            (rows(weights)[:-1], "one too few rows"),
        ],
        "faults": [
            ({**FAULTS, "A": "no Viterbi"}, "'A': then the pitch would leap"),
            ({**FAULTS, "B": "all bins averaged"}, "out of tune"),
            ({**FAULTS, "C": "Viterbi too stiff"}, "slide"),
            ({"A": "no weighted mean"}, "'B'"),
        ],
    }
