"""Exercises of notebooks/02_timbre_transfer/04_features.ipynb."""

import numpy as np

from ddsp_course import crepe
from ddsp_course.exercises import hints

FRAME = 0.01 + 0.002 * np.sin(2 * np.pi * 440 / 16000 * np.arange(crepe.FRAME_SIZE))
REACH = 60


def frame(answer):
    """A soft frame with an offset as CREPE's network sees it, (1024,)."""
    wrong = hints.numbers(answer) or hints.shape(answer, FRAME.shape, ("samples",))
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    right = (FRAME - FRAME.mean()) / FRAME.std()
    centred = FRAME - FRAME.mean()
    known = {
        "this is the frame as it came: a whisper with an offset, neither of which the network has "
        "met in training.": FRAME,
        "its peak is 1, as for a loudspeaker. The network wants a standard deviation of 1, so that "
        "a spiky and a round wave are equally strong.": centred / np.abs(centred).max(),
        "the offset was divided along with the tone, and there is hardly a tone left: take the mean "
        "away first.": FRAME / FRAME.std(),
        "the offset is still most of it: take the mean away first, and then divide.": FRAME
        / np.sqrt(np.mean(FRAME**2)),
        "it was divided by the variance, and is hundreds of times too loud: take the root.": centred
        / FRAME.var(),
        "the offset is gone, and it is still a whisper: divide by the standard deviation.": centred,
    }
    # A peak of 1.4: the offset of 0.01 instead of the frame's own mean is off by 0.005.
    if np.allclose(answer, right, atol=0.02):
        return None
    wrong = hints.mistake(answer, known, rtol=1e-3, atol=1e-6)
    if wrong:
        return wrong
    if np.allclose(answer, -right, atol=0.02):
        return "it is upside down. No ear would tell, but the network's filters would."
    if abs(answer.mean()) > 0.02:
        return f"its mean is {answer.mean():.2f}, and not 0: there is an offset left."
    if abs(answer.std() - 1) > 0.02:
        return f"its standard deviation is {answer.std():.3g}, and not 1."
    return hints.close(answer, right, atol=0.02)


def hertz(answer):
    """The pitch in Hz of one frame's activation, by the weighted mean of nine bins."""
    wrong = hints.one_number(answer)
    if wrong:
        return wrong
    said = np.zeros(crepe.N_BINS)
    said[[226, 227, 228, 229, 230]] = [0.1, 0.4, 0.8, 0.75, 0.5]
    said[[287, 288, 289]] = [0.3, 0.6, 0.3]
    near = np.arange(224, 233)
    mean_bin = np.sum(said[near] * near) / np.sum(said[near])
    right = crepe.CENTS[0] + 20 * mean_bin
    everything = np.sum(said * crepe.CENTS) / np.sum(said)
    answer = float(np.squeeze(answer))
    if answer <= 0:
        return "a pitch in hertz is above zero."
    if abs(_cents(answer) - right) < 0.5:
        return None
    known = {
        "that is the middle of the loudest bin, 9 cents flat: its neighbours above are stronger "
        "than those below, and pull.": crepe.CENTS[228],
        "all bins were counted, and the hump an octave higher pulls the pitch up by a fourth: "
        "nobody plays that note. Count the nine bins around the maximum.": everything,
        "it is more than three octaves too low: CREPE counts cents from 10 Hz, and not from 1 "
        "Hz.": right - 1200 * np.log2(10),
        "it is 20 semitones too low: bin 0 is no 10 Hz, but 1997.38 cents above it.": 20 * mean_bin,
        "only one neighbour to each side was counted, and it is 5 cents flat.": crepe.CENTS[0]
        + 20 * (228 + 0.35 / 1.95),
        "the nine bins were counted alike, without their weights: that is the loudest bin "
        "again.": crepe.CENTS[224:233].mean(),
        "the octave's hump was taken: it is softer than the one below.": crepe.CENTS[288],
    }
    for sentence, cents in known.items():
        if abs(_cents(answer) - cents) < 0.5:
            return sentence
    if abs(answer - right) < 5:
        return "these are cents above 10 Hz: an oscillator wants hertz."
    if abs(answer - mean_bin) < 0.05:
        return "that is a bin, with its fraction: make cents of it, and then hertz."
    return hints.off_pitch(answer, 10 * 2 ** (right / 1200)) or (
        f"it is {abs(_cents(answer) - right):.1f} cents {'sharp' if _cents(answer) > right else 'flat'}."
    )


def transition(answer):
    """A transition matrix that lets the pitch move by up to an octave a frame, (360, 360)."""
    size = (crepe.N_BINS, crepe.N_BINS)
    wrong = hints.numbers(answer) or hints.shape(answer, size, ("from", "to"))
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    weights = _weights(REACH + 1)
    right = weights / weights.sum(axis=1, keepdims=True)
    if np.allclose(answer, right, rtol=1e-3, atol=1e-7):
        return None
    known = {
        "these are weights, and not yet probabilities: divide each row by its sum.": weights,
        "the columns add up to 1, and the rows do not: a row holds where one pitch goes "
        "to.": right.T,
        "the whole matrix adds up to 1: each row does, on its own.": weights / weights.sum(),
        "an octave itself is still out of reach: 60 bins should weigh 1, and here they weigh "
        "0.": _rows(REACH),
        "this is CREPE's own, which moves by 11 bins at most: it would lose the octaves "
        "again.": _rows(12),
        "this reaches 12 bins, a fourth of an octave and less: a bin is a fifth of a semitone, and "
        "an octave has 60.": _rows(13),
        "all steps within the octave weigh the same, so that a pitch that stays is no better than "
        "one that leaps about.": _rows(REACH + 1, flat=True),
    }
    wrong = hints.mistake(answer, known, rtol=1e-3, atol=1e-7)
    if wrong:
        return wrong
    if (answer < 0).any():
        return "a probability is not negative: what is out of reach weighs 0."
    sums = answer.sum(axis=1)
    if not np.allclose(sums, 1, atol=1e-3):
        row = int(np.argmax(np.abs(sums - 1)))
        return f"row {row} adds up to {sums[row]:.3g}: from each bin the pitch has to go somewhere."
    reach = int(np.flatnonzero(answer[180] > 1e-9).max() - 180)
    if reach != REACH:
        return f"from bin 180 it reaches {reach} bins upward, and an octave is {REACH}."
    return hints.close(answer, right, rtol=1e-3, atol=1e-7)


def equally_loud(answer):
    """The factor that makes 50 Hz as loud as 1000 Hz by A-weighting."""
    wrong = hints.one_number(answer)
    if wrong:
        return wrong
    answer = float(np.squeeze(answer))
    db = _a_weighting(1000) - _a_weighting(50)
    right = 10 ** (db / 20)
    if abs(answer / right - 1) < 0.02:
        return None
    known = {
        f"that is the ratio of powers: it would come out twice as many dB louder, {2 * db:.0f}. "
        "Samples are amplitudes.": right**2,
        "the deep tone gets softer still: it is the one that is hardly heard.": 1 / right,
        f"these are decibels: samples are multiplied by a factor, which {db:.0f} dB make.": db,
        "these are decibels, with the sign of the weight: the deep tone has to be turned up by as "
        "much.": -db,
        "decibels count tens, 10 ** ..., and this is an exponential function of base e.": np.exp(
            db / 20
        ),
        "that would do for a tone at 100 Hz: at 50 Hz the ear is duller still.": 10
        ** (-_a_weighting(100) / 20),
        "half of the dB are missing, and the tone stays too soft: 20 dB are a factor of 10 for an "
        "amplitude.": 10 ** (db / 40),
    }
    wrong = hints.mistake(answer, known, rtol=0.02)
    if wrong:
        return wrong
    if answer <= 0:
        return "a factor is above zero."
    return f"the deep tone would be {hints.too_loud(20 * np.log10(answer / right))}."


def section(answer):
    """The power in dB of sixteen violins of -40 dB each."""
    wrong = hints.one_number(answer)
    if wrong:
        return wrong
    answer = float(np.squeeze(answer))
    right = -40 + 10 * np.log10(16)
    if abs(answer - right) < 0.1:
        return None
    known = {
        "that would be one violin sixteen times over, all in step: of players who are not, powers "
        "add up, and not amplitudes.": -40 + 20 * np.log10(16),
        "sixteen are softer than one: mind the sign.": -40 - 10 * np.log10(16),
        "that is how many dB are added: to -40.": 10 * np.log10(16),
        "decibels do not add up: each factor of ten is 10 dB.": -40 + 16,
        "decibels were multiplied: that is far below anything that can be heard.": -40 * 16,
        "these are bels: a factor of ten is 10 decibels.": -40 + np.log10(16),
        "the natural logarithm was taken: decibels count tens.": -40 + 10 * np.log(16),
        "it was doubled once: sixteen are two, doubled three times more.": -40 + 10 * np.log10(2),
        "that is as loud as one: more players are more power.": -40.0,
    }
    return hints.mistake(answer, known, rtol=0, atol=0.1) or (
        f"it is {hints.too_loud(answer - right)}."
    )


def _cents(hz):
    return 1200 * np.log2(hz / 10)


def _weights(reach):
    bins = np.arange(crepe.N_BINS)
    return np.maximum(reach - np.abs(bins[:, None] - bins), 0.0)


def _rows(reach, flat=False):
    weights = _weights(reach)
    weights = (weights > 0) * 1.0 if flat else weights
    return weights / weights.sum(axis=1, keepdims=True)


def _a_weighting(hz):
    import librosa

    return float(librosa.A_weighting(np.array([hz]))[0])
