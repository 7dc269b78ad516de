"""Exercises of notebooks/02_timbre_transfer/04_pitch.ipynb."""

import numpy as np

from ddsp_course import crepe
from ddsp_course.exercises import hints
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE

REACH = 60
NEAR = 4
SURE = 0.5


def lost(answer):
    """A prediction: in which frame the network finds no pitch if none is normalised."""
    look = "run the next cell and compare the columns."
    return hints.choice(
        answer,
        "60 dB softer",
        ("as it is", "60 dB softer", "with an offset"),
        {
            "as it is": f"its standard deviation is close to that of the training frames: {look}",
            "with an offset": "a filter whose weights swing between positive and negative turns a "
            f"constant into nearly nothing: {look}",
        },
    )


def hertz(function):
    """A function from activations, (frames, 360), to Hz: 0 where the confidence is below 0.5."""
    cases = {name: (activation,) for name, activation in _hidden_activations().items()}
    return hints.on_each(function, cases, _wrong_pitch)


def chroma(function):
    """A function of estimate and truth, (frames,) in Hz, and cents: the raw chroma accuracy."""
    return hints.on_each(function, _hidden_tracks(), _wrong_share)


def transition(answer):
    """A transition matrix that lets the pitch move by up to an octave a frame, (360, 360)."""
    size = (crepe.N_BINS, crepe.N_BINS)
    wrong = hints.numbers(answer) or hints.shape(answer, size, ("rows", "columns"))
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    weights = _weights(REACH + 1)
    right = weights / weights.sum(axis=1, keepdims=True)
    # If its 121 numbers are rounded to four digits, a row adds up to 1 within half a per cent.
    if np.allclose(answer, right, rtol=2e-3, atol=6e-5) and (answer >= 0).all():
        return None
    known = {
        "these are weights, not yet probabilities: divide each row by its sum.": weights,
        "each column adds up to 1 instead of each row: a row says where one pitch may go next.": (
            right.T
        ),
        "the whole matrix adds up to 1, but each row should.": weights / weights.sum(),
        "a step of a whole octave is still out of reach: 60 bins should have weight 1, but here it "
        "is 0.": _rows(REACH),
        "this is CREPE's own matrix, which moves by at most 11 bins: it would lose the octaves "
        "again.": _rows(12),
        "this reaches 12 bins, a fifth of an octave: a bin is a fifth of a semitone, so an octave "
        "has 60.": _rows(13),
        "all steps within the octave have the same weight, so a steady pitch is no likelier than "
        "one that jumps about.": _rows(REACH + 1, flat=True),
    }
    wrong = hints.mistake(answer, known, rtol=1e-3, atol=1e-7)
    if wrong:
        return wrong
    if (answer < 0).any():
        return "a probability cannot be negative: bins out of reach get 0."
    sums = answer.sum(axis=1)
    if not np.allclose(sums, 1, atol=6e-3):
        row = int(np.argmax(np.abs(sums - 1)))
        return f"row {row} adds up to {sums[row]:.3g}, not 1: from each bin the pitch must go somewhere."
    reach = int(np.flatnonzero(answer[180] > 1e-9).max() - 180)
    if reach != REACH:
        return f"from bin 180 it reaches {reach} bins upwards, but an octave is {REACH}."
    return (
        "it reaches an octave and each row adds up to 1, but the weights do not fall along a "
        "straight line from 61 to 1."
    )


def faulty_curves():
    """Return {name: pitch (frames,) in Hz, 0 for a rest} of the trackers that `faults` asks about."""
    melody = _melody()
    sounding = melody > 0
    cents = np.where(sounding, 1200 * np.log2(np.maximum(melody, 1) / 10), 0)
    bins = np.round((cents - crepe.CENTS[0]) / crepe.CENTS_PER_BIN).astype(int)
    stairs = np.where(sounding, _hz(crepe.CENTS[np.clip(bins, 0, crepe.N_BINS - 1)]), 0)
    wild = 10 ** np.random.default_rng(3).uniform(2.1, 2.9, len(melody) // 8 + 1).repeat(8)
    restless = np.where(sounding, melody, wild[: len(melody)])
    falling = melody.copy()
    for start in (40, 150, 182, 290, 420):
        falling[start : start + 9] /= 2
    return {"A": stairs, "B": restless, "C": falling}


def faults(named):
    """{tracker: its fault} for the three trackers of `faulty_curves`."""
    return hints.choices(
        named,
        {"A": "no weighted mean", "B": "confidence ignored", "C": "no Viterbi"},
        (
            "no Viterbi",
            "no weighted mean",
            "confidence ignored",
            "all bins averaged",
            "Viterbi too stiff",
        ),
        {
            "no Viterbi": "then the pitch would leap for a few frames in the middle of a note.",
            "no weighted mean": "then each vibrato would move in steps of 20 cents.",
            "confidence ignored": "then you would hear pitches in the rests.",
            "all bins averaged": "then small peaks far away would pull whole notes out of tune.",
            "Viterbi too stiff": "then the pitch would slide slowly from each note to the next.",
        },
    )


def sung(f0_hz):
    """Play a pitch curve, (frames,) in Hz: audio (frames * 64,), silent where it is 0."""
    at = np.arange(HOP_SIZE * len(f0_hz)) // HOP_SIZE
    phase = 2 * np.pi * np.cumsum(f0_hz[at]) / SAMPLE_RATE
    # Fades of 5 ms keep rests from clicking.
    level = np.convolve(f0_hz[at] > 0, np.hanning(81) / np.hanning(81).sum(), "same")
    return 0.1 * level * sum(np.sin(k * phase) / k for k in (1, 2, 3))


def _melody():
    time = np.arange(2 * FRAME_RATE) / FRAME_RATE
    midi = np.array([57, 64, 59, 62])[(2 * time).astype(int)]
    midi = midi + 0.5 * np.sin(2 * np.pi * 3 * time)
    return np.where(time % 0.5 < 0.38, 440 * 2 ** ((midi - 69) / 12), 0)


def _hidden_activations():
    """{name: (frames, 360)}: wide humps, a second hump, the ends of the range, noise."""
    bins = np.arange(crepe.N_BINS)

    def hump(middle, width, height=0.9):
        return height * np.exp(-0.5 * ((bins - middle) / width) ** 2)

    skewed = np.where(bins >= 150, hump(150, 6), hump(150, 0.7))
    octave = hump(228.3, 1.2) + hump(288.3, 1.2, 0.6)
    noise = np.random.default_rng(11).uniform(0, 0.3, crepe.N_BINS)
    glide = np.array([hump(middle, 2) for middle in np.linspace(120.2, 180.7, 30)])
    glide[10:15] *= 0.5
    glide[20:22] *= 0.6
    return {
        "one hump": hump(228.4, 1.3)[None],
        "a lopsided hump": np.array([skewed, skewed[::-1]]),
        "a very wide hump": hump(250, 15)[None],
        "a second hump an octave higher": octave[None],
        "humps at both ends of the range": np.array([hump(0.4, 2), hump(358.6, 2)]),
        "a frame of noise between two notes": np.array([hump(100, 1.5), noise, hump(107.5, 1.5)]),
        "a glide with a soft patch": glide,
    }


def _weighted_cents(activation, reach=NEAR, everything=False):
    result = np.empty(len(activation))
    for i, row in enumerate(activation):
        middle = row.argmax()
        near = np.arange(max(0, middle - reach), min(crepe.N_BINS, middle + reach + 1))
        near = np.arange(crepe.N_BINS) if everything else near
        result[i] = np.average(crepe.CENTS[near], weights=row[near])
    return result


def _wrong_pitch(answer, activation):
    wrong = hints.numbers(answer)
    if wrong:
        if np.isnan(np.asarray(answer, float)).any():
            return "some of it is NaN: use 0 for a frame without a pitch."
        return wrong
    answer = np.squeeze(np.asarray(answer, float))
    sure = activation.max(axis=1) >= SURE
    wrong = hints.shape(np.atleast_1d(answer), sure.shape, ("frames",))
    if wrong:
        return wrong
    answer = np.atleast_1d(answer)
    if (answer[~sure] > 0).all() and (~sure).any():
        return "it has a pitch where the confidence, the largest activation, is below 0.5."
    if (answer[sure] <= 0).any():
        return "a frame with a confidence of 0.5 or more gets no pitch."
    if (answer[~sure] != 0).any():
        return "a frame with a confidence below 0.5 must be exactly 0."
    cents = 1200 * np.log2(answer[sure] / 10)
    given = activation[sure]
    right = _weighted_cents(given)
    # The answer in Hz may be rounded to one decimal.
    tolerance = 0.2 + 1200 * np.log2(1 + 0.06 / _hz(right))
    if (np.abs(cents - right) < tolerance).all():
        return None
    known = {
        "it is the middle of the most active bin: let its neighbours count too.": crepe.CENTS[
            given.argmax(axis=1)
        ],
        "it averages all bins, even those far from the peak: take the nine around the maximum.": (
            _weighted_cents(given, everything=True)
        ),
        "it averages fewer than nine bins: take four on each side of the maximum.": _weighted_cents(
            given, reach=3
        ),
        "it averages more than nine bins: take four on each side of the maximum.": _weighted_cents(
            given, reach=5
        ),
        "the pitch is averaged in hertz, which makes it sharp: average the cents.": (
            _mean_of_hertz(given)
        ),
        "it is more than three octaves too low: CREPE counts cents from 10 Hz, not from 1 Hz.": (
            right - 1200 * np.log2(10)
        ),
        "it is 20 semitones too low: bin 0 is not at 10 Hz, but 1997.38 cents above it.": right
        - crepe.CENTS[0],
    }
    for sentence, other in known.items():
        if np.allclose(cents, other, atol=0.4):
            return sentence
    if np.allclose(answer[sure], right, atol=5):
        return "these are cents above 10 Hz: convert them to hertz."
    if np.allclose(answer[sure], (right - crepe.CENTS[0]) / crepe.CENTS_PER_BIN, atol=0.1):
        return "these are bins: convert them to cents, and then to hertz."
    worst = int(np.argmax(np.abs(cents - right)))
    off = cents[worst] - right[worst]
    return (
        f"the worst frame is {abs(off):.1f} cents {'sharp' if off > 0 else 'flat'}: weight each of "
        "the nine bins by its activation."
    )


def _mean_of_hertz(activation):
    result = np.empty(len(activation))
    for i, row in enumerate(activation):
        middle = row.argmax()
        near = np.arange(max(0, middle - NEAR), min(crepe.N_BINS, middle + NEAR + 1))
        result[i] = 1200 * np.log2(np.average(_hz(crepe.CENTS[near]), weights=row[near]) / 10)
    return result


def _hidden_tracks():
    """{name: (estimate_hz, true_hz, tolerance in cents)}."""
    rng = np.random.default_rng(5)
    true = np.repeat([110.0, 220.0, 0.0, 1760.0], 25)
    off = np.tile([-70.0, -40, -8, 8, 40], 20)
    octaves = rng.integers(-2, 3, 100)
    played = np.where(true > 0, true, 300) * 2 ** (octaves + off / 1200)
    silent = np.where(np.arange(100) % 4 == 0, 0.0, played)
    in_tune = np.where(true > 0, true, 300) * 2 ** (off / 1200)
    return {
        "estimates up to 70 cents off": (in_tune, true, 80),
        "estimates that are octaves off, too": (played, true, 50),
        "a tolerance of 10 cents": (played, true, 10),
        "estimates that are 0 now and then": (silent, true, 50),
    }


def _share(estimate_hz, true_hz, cents, fold=True, all_frames=False, signed=False, zero_ok=False):
    counts = np.ones(len(true_hz), bool) if all_frames else true_hz > 0
    safe_true = np.where(true_hz > 0, true_hz, 1)
    octaves = np.log2(np.maximum(estimate_hz, 1e-9) / safe_true)
    off = 1200 * (octaves - np.round(octaves) if fold else octaves)
    right = (off if signed else np.abs(off)) < cents
    right &= true_hz > 0
    if zero_ok:
        counts = counts & (estimate_hz > 0)
    else:
        right &= estimate_hz > 0
    return right[counts].mean()


def _wrong_share(answer, estimate_hz, true_hz, cents):
    wrong = hints.one_number(answer)
    if wrong:
        return wrong
    answer = float(np.squeeze(answer))
    given = (estimate_hz, true_hz, cents)
    right = _share(*given)
    if abs(answer - right) < 2e-3:
        return None
    known = {
        "octave errors count as wrong here: that is the raw pitch accuracy. Fold each difference "
        "to within half an octave.": _share(*given, fold=False),
        "this counts frames without a true pitch: leave them out.": _share(*given, all_frames=True),
        "only sharp estimates count as wrong: take the absolute difference.": _share(
            *given, signed=True
        ),
        "frames whose estimate is 0 are left out, but they are wrong answers.": _share(
            *given, zero_ok=True
        ),
        "this is a percentage: a share lies between 0 and 1.": 100 * right,
        "that is the share of wrong frames.": 1 - right,
        "a slightly flat estimate still counts as wrong: its remainder modulo 1200 cents is just "
        "below 1200.": _modulo_share(*given),
        "this is a number of frames: divide by how many have a pitch.": right * (true_hz > 0).sum(),
        "the tolerance is in semitones or octaves, but it should be in cents.": _share(
            estimate_hz, true_hz, 100 * cents
        ),
    }
    return hints.mistake(answer, known, rtol=0, atol=2e-3) or (
        f"{right:.0%} of the frames with a pitch are within {cents} cents of it, apart from whole "
        "octaves."
    )


def _modulo_share(estimate_hz, true_hz, cents):
    counts = true_hz > 0
    estimate_hz, true_hz = estimate_hz[counts], true_hz[counts]
    off = (1200 * np.log2(np.maximum(estimate_hz, 1e-9) / true_hz)) % 1200
    return ((off < cents) & (estimate_hz > 0)).mean()


def _hz(cents):
    return 10 * 2 ** (cents / 1200)


def _weights(reach):
    bins = np.arange(crepe.N_BINS)
    return np.maximum(reach - np.abs(bins[:, None] - bins), 0.0)


def _rows(reach, flat=False):
    weights = _weights(reach)
    weights = (weights > 0) * 1.0 if flat else weights
    return weights / weights.sum(axis=1, keepdims=True)


def _glide(function):
    return sung(
        np.repeat(np.squeeze(function(_hidden_activations()["a glide with a soft patch"])), 8)
    )


def _leaping(matrix):
    """Play alternating octaves along the path that Viterbi finds with a transition matrix."""
    seen = np.repeat([173, 233] * 6, 15)
    with np.errstate(divide="ignore"):
        step = np.log(np.asarray(matrix, float))
    emission = np.log(0.1 * np.eye(crepe.N_BINS) + 0.9 / crepe.N_BINS)
    score, came_from = emission[:, seen[0]], []
    for bin_ in seen[1:]:
        candidates = score[:, None] + step
        came_from.append(candidates.argmax(axis=0))
        score = candidates.max(axis=0) + emission[:, bin_]
    path = [int(score.argmax())]
    for arrows in reversed(came_from):
        path.append(int(arrows[path[-1]]))
    return sung(_hz(crepe.CENTS[path[::-1]]))


HEARD = {"hertz": _glide, "transition": _leaping}
