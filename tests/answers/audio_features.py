import numpy as np

FRAME = 0.01 + 0.002 * np.sin(2 * np.pi * 440 / 16000 * np.arange(1024))
CENTRED = FRAME - FRAME.mean()
CENTS = 1997.3794084376191 + 20 * np.arange(360)
SAID = np.zeros(360)
SAID[[226, 227, 228, 229, 230]] = [0.1, 0.4, 0.8, 0.75, 0.5]
SAID[[287, 288, 289]] = [0.3, 0.6, 0.3]
DISTANCE = np.abs(np.subtract.outer(np.arange(360), np.arange(360)))


def hz(cents):
    return 10 * 2 ** (cents / 1200)


def mean(first, last):
    weights, cents = SAID[first : last + 1], CENTS[first : last + 1]
    return np.average(cents, weights=weights)


def rows(weights):
    return weights / weights.sum(axis=1)[:, None]


def triangle(reach):
    return np.maximum(reach - DISTANCE, 0.0)


def a_weighting(hertz):
    import librosa

    return librosa.A_weighting(np.array([hertz]))[0]


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow, crepe

    tf = _tensorflow.load()
    db = a_weighting(1000) - a_weighting(50)
    return {
        "frame": [
            crepe.normalise(FRAME[None])[0],
            tf.constant(CENTRED / CENTRED.std()),
            list((FRAME - 0.01) / (0.002 / np.sqrt(2))),
        ],
        "hertz": [
            crepe.to_f0(SAID[None], viterbi=False)[0],
            hz(mean(226, 230)),
            np.average(hz(CENTS[224:233]), weights=SAID[224:233]),
        ],
        "transition": [
            rows(np.where(DISTANCE <= 60, 61 - DISTANCE, 0)),
            tf.constant(rows(triangle(61)), tf.float32),
        ],
        "equally_loud": [10 ** (db / 20), np.sqrt(10 ** (db / 10)), [32.6]],
        "section": [-28, 10 * np.log10(16 * 10 ** (-40 / 10)), -40 + 4 * 3.01],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    weights = triangle(61)
    db = a_weighting(1000) - a_weighting(50)
    return {
        "frame": [
            (FRAME, "as it came"),
            (CENTRED, "still a whisper"),
            (CENTRED / np.abs(CENTRED).max(), "its peak is 1"),
            (FRAME / FRAME.std(), "hardly a tone left"),
            (FRAME / np.sqrt(np.mean(FRAME**2)), "still most of it"),
            (CENTRED / FRAME.var(), "the variance"),
            (-CENTRED / FRAME.std(), "upside down"),
            (CENTRED / FRAME.std() + 0.5, "an offset left"),
            (2 * CENTRED / FRAME.std(), "standard deviation is 2"),
            ((CENTRED / FRAME.std())[:, None], "(1024,) is asked for"),
        ],
        "hertz": [
            (hz(CENTS[228]), "middle of the loudest bin"),
            (hz(np.average(CENTS, weights=SAID)), "by a fourth"),
            (2 ** (mean(224, 232) / 1200), "from 10 Hz"),
            (hz(mean(224, 232) - CENTS[0]), "20 semitones too low"),
            (mean(224, 232), "these are cents"),
            (np.average(np.arange(224, 233), weights=SAID[224:233]), "that is a bin"),
            (hz(mean(227, 229)), "only one neighbour"),
            (hz(CENTS[288]), "octave's hump"),
            (2 * hz(mean(224, 232)), "an octave too high"),
            (hz(mean(224, 232) + 3), "3.0 cents sharp"),
            (-1, "above zero"),
            ([440, 880], "shape"),
        ],
        "transition": [
            (weights, "not yet probabilities"),
            (rows(weights).T, "the columns add up"),
            (weights / weights.sum(), "the whole matrix"),
            (rows(triangle(60)), "still out of reach"),
            (rows(triangle(12)), "lose the octaves"),
            (rows(triangle(13)), "fifth of a semitone"),
            (rows((DISTANCE <= 60) * 1.0), "leaps about"),
            (np.log(weights + 1e-300), "negative"),
            (weights / 61**2, "adds up to"),
            (rows(triangle(81)), "reaches 80 bins"),
            (rows(triangle(61) ** 2), "of the numbers are off"),
            (rows(weights)[:-1], "one too few of from"),
        ],
        "equally_loud": [
            (10 ** (db / 10), "ratio of powers"),
            (10 ** (-db / 20), "softer still"),
            (db, "these are decibels"),
            (-db, "sign of the weight"),
            (np.exp(db / 20), "base e"),
            (10 ** (-a_weighting(100) / 20), "at 100 Hz"),
            (10 ** (db / 40), "half of the dB"),
            (2 * 10 ** (db / 20), "6.0 dB too loud"),
            (0, "above zero"),
        ],
        "section": [
            (-40 + 20 * np.log10(16), "all in step"),
            (-40 - 10 * np.log10(16), "sixteen are softer"),
            (10 * np.log10(16), "to -40"),
            (-24, "do not add up"),
            (-640, "multiplied"),
            (-40 + np.log10(16), "bels"),
            (-40 + 10 * np.log(16), "natural logarithm"),
            (-40 + 10 * np.log10(2), "doubled once"),
            (-40, "as loud as one"),
            (-25, "3.0 dB too loud"),
        ],
    }
