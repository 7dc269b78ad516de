"""Exercises of notebooks/02_timbre_transfer/05_loudness.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import HOP_SIZE, SAMPLE_RATE

FRAME, LONG = 512, 2048
FLOOR_DB = -80.0


def hum(answer):
    """A prediction: by how much a hum at 50 Hz raises the loudness of a flute's notes."""
    look = "run the next cells and compare."
    return hints.choice(
        answer,
        "less than 1 dB",
        ("less than 1 dB", "about 3 dB", "about 30 dB"),
        {
            "about 3 dB": "without A-weighting, yes, but it lowers the hum by 30 dB before the "
            f"powers are added: {look}",
            "about 30 dB": "A-weighting lowers the hum by 30 dB. Powers add up, so the smaller one "
            f"hardly counts: {look}",
        },
    )


def gain(function):
    """A function of one or more Hz: the factor that makes a tone as loud as one at 1 kHz."""
    several = np.array([63.0, 250, 1000, 2500, 7000])
    cases = {
        "50 Hz": (50.0,),
        "1000 Hz": (1000.0,),
        "3000 Hz": (3000.0,),
        "five frequencies at once": (several,),
    }
    return hints.on_each(function, cases, _wrong_gain)


def together(function):
    """A function from the levels of independent sounds, (players,) in dB, to the level of all."""
    rng = np.random.default_rng(4)
    cases = {
        "sixteen violins of -40 dB": (np.full(16, -40.0),),
        "one player of -25 dB": (np.array([-25.0]),),
        "players of -20, -26 and -60 dB": (np.array([-20.0, -26, -60]),),
        "an orchestra of 40": (rng.uniform(-60, -20, 40),),
    }
    return hints.on_each(function, cases, _wrong_total)


def test_sound():
    """Return 2 s: a tone, noise of the same power and the tone 20 dB softer, all with a hum."""
    at = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    sine = np.sqrt(2) * 0.1 * np.sin(2 * np.pi * 1000 * at)
    noise = 0.1 * np.random.default_rng(6).normal(size=len(at))
    result = 0.14 * np.sin(2 * np.pi * 50 * at)
    for start, sound in [(0.2, sine), (0.8, noise), (1.4, 0.1 * sine)]:
        result += sound * ((at >= start) & (at < start + 0.4))
    return result


def faulty_curves():
    """Return the loudness of `test_sound`, (frames,), and {name: a faulty program's loudness}."""
    sound = test_sound()
    weights_db = _a_weighting_db(np.fft.rfftfreq(FRAME, 1 / SAMPLE_RATE))
    power = _power(sound, FRAME // 2)
    weighted_db = 10 * np.log10(power + 1e-12) + weights_db
    # Frames of 128 ms that begin at the time on which they should be centred.
    early = _loudness(_power(sound, 0, LONG) * FRAME / LONG)
    return _loudness(power), {
        "A": early,
        "B": _db(power.mean(axis=1)),
        "C": np.maximum(weighted_db, FLOOR_DB).mean(axis=1),
    }


def faults(named):
    """{program: its fault} for the three curves of `faulty_curves`."""
    return hints.choices(
        named,
        {"A": "frames not centred", "B": "no A-weighting", "C": "decibels averaged"},
        (
            "no A-weighting",
            "decibels averaged",
            "frames not centred",
            "amplitude taken for power",
            "no floor",
        ),
        {
            "no A-weighting": "then the hum would fill the rests.",
            "decibels averaged": "then the noise would come out far above the tone of the same "
            "power.",
            "frames not centred": "then the whole curve would keep its shape but come early or "
            "late.",
            "amplitude taken for power": "then all differences would be half as large, with the "
            "soft tone only 10 dB below the loud one.",
            "no floor": "then a rest could fall below -80 dB, but here the hum is louder than that.",
        },
    )


def _wrong_gain(answer, hz):
    wrong = hints.numbers(answer) or hints.shape(np.squeeze(answer), np.shape(hz), ("tones",))
    if wrong:
        return wrong
    answer = np.squeeze(np.asarray(answer, float))
    weight_db = _a_weighting_db(hz)
    right = 10 ** (-weight_db / 20)
    if np.allclose(answer, right, rtol=0.01):
        return None
    known = {
        "that is a ratio of powers, but samples are amplitudes: this factor boosts the tone by "
        "twice as many dB.": right**2,
        "a tone that is hard to hear gets softer still: invert the factor.": 1 / right,
        "these are A-weights in decibels: convert them to a factor.": weight_db,
        "these are decibels: convert them to a factor.": -weight_db,
        "decibels are powers of ten, but this is a power of e.": np.exp(-weight_db / 20),
        "half of the decibels are missing: for an amplitude, 20 dB are a factor of 10.": 10
        ** (-weight_db / 40),
        "the weight at 1000 Hz should be 0 dB: the formula's 2.0 dB are missing.": (
            10 ** (-(weight_db - 2.0) / 20)
        ),
    }
    # At 1000 Hz, nearly all these mistakes give the right answer.
    wrong = hints.mistake(answer, known, rtol=0.01, atol=1e-3)
    if wrong:
        return wrong
    if (answer <= 0).any():
        return "a factor is above zero."
    off_db = 20 * np.log10(answer / right)
    worst = off_db.flat[np.abs(off_db).argmax()]
    return f"the tone would be {hints.too_loud(worst)}: the factor has to undo the A-weight."


def _wrong_total(answer, levels_db):
    wrong = hints.one_number(answer)
    if wrong:
        return wrong
    answer = float(np.squeeze(answer))
    right = 10 * np.log10(np.sum(10 ** (levels_db / 10)))
    if abs(answer - right) < 0.06:
        return None
    n = len(levels_db)
    known = {
        "that would be right if all players were in phase: for independent players, powers add up, "
        "not amplitudes.": 20 * np.log10(np.sum(10 ** (levels_db / 20))),
        "the decibels were added: convert them to powers first.": levels_db.sum(),
        "that is the mean of the powers, one average player: add them up.": right
        - 10 * np.log10(n),
        "that is the mean of the decibels: convert them to powers and add those up.": (
            levels_db.mean()
        ),
        "that holds only if all are equally loud: add up the power of each.": levels_db.mean()
        + 10 * np.log10(n),
        "that holds only if all are as loud as the first.": levels_db[0] + 10 * np.log10(n),
        "that is the loudest one alone: the others add power too.": levels_db.max(),
        "that is a power: convert it to decibels.": 10 ** (right / 10),
        "these are bels: a factor of ten is 10 decibels.": right / 10,
        "you took the natural logarithm: decibels use base 10.": right * np.log(10),
    }
    return hints.mistake(answer, known, rtol=0, atol=0.06) or (
        f"it is {hints.too_loud(answer - right)}: powers add up, decibels do not."
    )


def _power(sound, before, size=FRAME):
    padded = np.pad(sound, (before, size - before))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::HOP_SIZE]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return np.abs(np.fft.rfft(frames * window)) ** 2


def _loudness(power):
    weights_db = _a_weighting_db(np.linspace(0, SAMPLE_RATE / 2, power.shape[1]))
    return _db((power * 10 ** (weights_db / 10)).mean(axis=1))


def _db(power):
    return np.maximum(10 * np.log10(np.maximum(power, 1e-12)), FLOOR_DB)


def _a_weighting_db(hz):
    import librosa

    return librosa.A_weighting(np.maximum(np.atleast_1d(hz), 1e-3)).reshape(np.shape(hz))


def _three_tones(function):
    at = np.arange(SAMPLE_RATE // 2) / SAMPLE_RATE
    ends = np.clip(20 * np.minimum(at, 0.5 - at), 0, 1)
    tones = [
        0.02 * float(np.squeeze(function(hz))) * ends * np.sin(2 * np.pi * hz * at)
        for hz in (100.0, 1000.0, 3000.0)
    ]
    return np.concatenate(tones)


HEARD = {"gain": _three_tones}
