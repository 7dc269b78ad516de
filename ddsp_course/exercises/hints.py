"""Find out what is wrong with an answer, and describe it in terms of sound.

Each function returns a sentence, or None if it finds nothing wrong. An exercise chains them with
`or`, and the learner reads the first sentence.
"""

import contextlib
import io
import sys

import numpy as np

from ddsp_course.errors import one_line
from ddsp_course.units import SAMPLE_RATE

# Nobody hears a few cents, and `pitch_hz` measures no more precisely than that.
CENTS = 5


def numbers(answer):
    """Return a hint unless an answer is an array of finite real numbers."""
    try:
        array = np.asarray(answer)
    except Exception:  # noqa: BLE001, rows of different lengths, objects that refuse
        return f"the answer should be numbers, but this is {kind(answer)}."
    if array.dtype.kind == "c":
        return "these numbers are complex, and they should be real: take their real part."
    if array.dtype.kind in "US":
        return (
            f"the answer should be numbers, but this is text: remove the quotes around "
            f"{_first(array)!r}."
        )
    if array.dtype.kind not in "biuf":
        return f"the answer should be numbers, but this is {kind(answer)}."
    answer = array.astype(float)
    if not np.isfinite(answer).all():
        bad = np.flatnonzero(~np.isfinite(answer.ravel()))[0]
        return (
            f"number {bad} is not finite (infinity or NaN): did you divide by zero, or take the "
            "logarithm of zero?"
        )
    return None


def read(answer):
    """Convert an answer to the types that exercises accept: tensors and lists become NumPy arrays."""
    if hasattr(answer, "detach"):  # a PyTorch tensor that may require a gradient
        answer = answer.detach()
    if hasattr(answer, "numpy"):
        answer = answer.numpy()
    if isinstance(answer, np.ma.MaskedArray):
        answer = answer.astype(float).filled(np.nan)
    if isinstance(answer, (list, tuple)) and all(np.isscalar(one) for one in answer):
        answer = np.asarray(answer)
    return answer


def call(function, *arguments):
    """Try a learner's function on an input that the notebook does not show.

    Args:
      function: the answer.
      arguments: what to call it with; arrays are copied, so it cannot change ours.

    Returns:
      (result, None), with the result as `read` returns it; or (None, hint) if the answer is not a
      function, stops with an error, or returns nothing.
    """
    if not callable(function):
        return None, (
            f"the answer should be a function, but this is {kind(function)}: pass the function's "
            "name, without parentheses."
        )
    arguments = [one.copy() if isinstance(one, np.ndarray) else one for one in arguments]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            result = function(*arguments)
    except Exception as error:  # noqa: BLE001, it is the learner's code
        return None, (
            f"the function stops with {type(error).__name__}: {one_line(error)}. It was called "
            f"with {' and '.join(map(_described, arguments))}."
        )
    if result is None or result is ...:
        return None, "the function returns nothing yet: end it with `return` and the result."
    return read(result), None


def on_each(function, cases, judge):
    """Try a learner's function on several inputs; return a hint for the first wrong result.

    Args:
      function: the answer; see `call`.
      cases: {description of the input: tuple of arguments}.
      judge: function of the result and the arguments; returns a hint, or None for a right result.
    """
    for name, arguments in cases.items():
        result, wrong = call(function, *arguments)
        wrong = wrong or judge(result, *arguments)
        if wrong:
            return f"for {name}: {wrong}"
    return None


def choice(answer, right, options, why):
    """Return a hint unless the right one of several words was chosen.

    Upper and lower case, spaces and underscores do not matter.

    Args:
      answer: text.
      right: the right word.
      options: all the words to choose from.
      why: {wrong option: why it is wrong}.
    """
    if not isinstance(answer, str):
        return f"choose one of the words {_listed(options)}; this is {kind(answer)}."
    word = _plain(answer)
    known = {_plain(option): option for option in options}
    if word not in known:
        return f"{answer[:30]!r} is not among the words to choose from: {_listed(options)}."
    if known[word] == right:
        return None
    return why[known[word]]


def choices(answers, right, options, why):
    """Return a hint unless each item has its right word; see `choice`.

    Args:
      answers: {item: word}, from the learner.
      right: {item: its right word}.
      options: all the words to choose from.
      why: {(item, wrong word): why it is wrong}; or {wrong word: why it is wrong} for every item.
    """
    if not isinstance(answers, dict):
        return (
            f"the answer should be a dictionary such as {{{next(iter(right))!r}: ...}}, but this is "
            f"{kind(answers)}."
        )
    for item, word in right.items():
        if item not in answers:
            return f"the dictionary says nothing about {item!r}."
        if answers[item] is ...:
            return f"put your answer for {item!r} in place of the three dots."
        reasons = {option: why.get((item, option), why.get(option)) for option in options}
        wrong = choice(answers[item], word, options, reasons)
        if wrong:
            return f"{item!r}: {wrong}"
    return None


def shape(answer, expected, axes):
    """Say whether the shape is wrong, and what that means.

    Args:
      answer: array.
      expected: tuple.
      axes: the names of its axes, such as ("frames", "harmonics").
    """
    got = np.shape(answer)
    if got == tuple(expected):
        return None
    named = "(" + ", ".join(axes) + ("," if len(axes) == 1 else "") + ")"
    if sorted(got) == sorted(expected):
        return f"the axes are in another order: the shape is {got} but should be {named}."
    if tuple(n for n in got if n != 1) == tuple(n for n in expected if n != 1):
        return f"the numbers are there, but the shape is {got} and should be {tuple(expected)}, {named}."
    if len(got) == len(expected):
        for name, n, right in zip(axes, got, expected, strict=True):
            if abs(n - right) == 1:
                return f"one too {'many' if n > right else 'few'} {name}: {n} instead of {right}."
    return f"the shape is {got} but should be {tuple(expected)}, {named}."


def close(answer, right, rtol=1e-3, atol=1e-6):
    """Say how far off an answer of the right shape is."""
    answer, right = np.asarray(answer, float), np.asarray(right, float)
    off = np.abs(answer - right) > atol + rtol * np.abs(right)
    if not off.any():
        return None
    first = tuple(int(i) for i in np.argwhere(off)[0])
    where = first[0] if len(first) == 1 else first
    side = "high" if answer[first] > right[first] else "low"
    return (
        f"{off.mean():.0%} of the numbers are wrong. The first of them is number {where}: "
        f"{_short(answer[first])} is too {side}."
    )


def one_number(answer):
    """Say whether an answer is anything but a single number; an array of one number is fine."""
    return numbers(answer) or shape(np.squeeze(answer), (), ())


def mistake(answer, known, rtol, atol=0.0):
    """Say whether an answer is one of the usual wrong ones.

    Args:
      answer: array.
      known: {sentence: the answer that this mistake gives}.
      rtol, atol: tolerances, as in `np.allclose`.
    """
    for sentence, other in known.items():
        if np.allclose(answer, other, rtol=rtol, atol=atol):
            return sentence
    return None


def factor(answer, right, known, rtol=1e-3):
    """Say whether an answer is off by a known factor, such as a wrong unit.

    Args:
      answer, right: arrays of the same shape.
      known: {factor: sentence}.
      rtol: tolerance, as in `np.allclose`.
    """
    right = np.asarray(right, float)
    known = {sentence: times * right for times, sentence in known.items()}
    return mistake(np.asarray(answer, float), known, rtol, atol=1e-9)


def pitch(sound, f0_hz, sample_rate=SAMPLE_RATE):
    """Say how a steady sound is out of tune, in cents or octaves.

    Args:
      sound: (n_samples,), half a second or more.
      f0_hz: the right pitch.
      sample_rate: in Hz.
    """
    heard = pitch_hz(sound, sample_rate)
    if heard is None:
        return "it has no audible pitch."
    return off_pitch(heard, f0_hz)


def off_pitch(heard_hz, f0_hz):
    """Say how far a pitch in Hz lies from the right one, in cents, semitones or octaves."""
    cents = 1200 * np.log2(heard_hz / f0_hz)
    if abs(cents) <= CENTS:
        return None
    octaves = round(cents / 1200)
    side = "high" if cents > 0 else "low"
    if octaves and abs(cents - 1200 * octaves) <= 2 * CENTS:
        count = "an octave" if abs(octaves) == 1 else f"{abs(octaves)} octaves"
        return f"it is {count} too {side}: {_hz(heard_hz)} instead of {_hz(f0_hz)}."
    if abs(cents) < 100:
        return f"it is {abs(cents):.0f} cents {'sharp' if cents > 0 else 'flat'}: {_hz(heard_hz)} instead of {_hz(f0_hz)}."
    return f"it is {abs(cents) / 100:.1f} semitones too {side}: {_hz(heard_hz)} instead of {_hz(f0_hz)}."


def pitch_hz(sound, sample_rate=SAMPLE_RATE):
    """Return the pitch of a steady sound in Hz, from its autocorrelation; None if it has none."""
    sound = np.asarray(sound, float) - np.mean(sound)
    n, finer = len(sound), 8
    power = np.abs(np.fft.rfft(sound, 2 * n)) ** 2
    # Zeros above Nyquist put points between the samples.
    lags = np.arange(n * finer)
    same = np.fft.irfft(power, 2 * n * finer)[: n * finer] * finer / (n - lags / finer)
    longest = min(n // 2, sample_rate // 20) * finer
    if same[0] < 1e-12 or longest < 3:
        return None
    same = same[: longest + 1] / same[0]
    below = np.flatnonzero(same < 0)
    if len(below) == 0:
        return None
    # The first peak that is nearly as high as the highest, after the correlation went below 0.
    peaks = np.flatnonzero((same[1:-1] >= same[:-2]) & (same[1:-1] > same[2:])) + 1
    peaks = peaks[peaks > below[0]]
    if len(peaks) == 0 or same[peaks].max() < 0.5:
        return None
    period = peaks[np.argmax(same[peaks] > 0.95 * same[peaks].max())]
    # Go on period by period to the last one: the longer the lag, the more precise the period.
    count = 1
    while (count + 1) * period / count < longest - 1:
        count += 1
        guess = period * count / (count - 1)
        period = peaks[np.argmin(np.abs(peaks - guess))]
    left, middle, right = same[period - 1 : period + 2]
    summit = period + 0.5 * (left - right) / (left - 2 * middle + right)
    return sample_rate * finer * count / summit


def late(answer, right, hop_size=1, unit="hop", most=8):
    """Say whether an answer is right but a few hops early or late.

    Args:
      answer, right: (n,) of about the same length.
      hop_size: numbers per hop.
      unit: what the sentence calls a hop.
      most: the largest shift to try, in hops.
    """
    answer, right = np.asarray(answer, float).ravel(), np.asarray(right, float).ravel()
    n = min(len(answer), len(right))
    for hops in sorted(range(-most, most + 1), key=abs):
        shift = hops * hop_size
        a, b = answer[max(0, shift) : n + min(0, shift)], right[max(0, -shift) : n - max(0, shift)]
        if hops and len(a) and np.allclose(a, b, rtol=1e-3, atol=1e-3 * np.abs(right).max()):
            many = "one" if abs(hops) == 1 else abs(hops)
            return f"it comes {many} {unit}{'s' * (abs(hops) > 1)} too {'late' if hops > 0 else 'early'}."
    return None


def above_nyquist(f0_hz, amplitudes, sample_rate=SAMPLE_RATE):
    """Say which harmonic lies above half the sample rate, from where it folds down.

    Args:
      f0_hz: one pitch, or (n_frames,).
      amplitudes: (n_harmonics,) or (n_frames, n_harmonics).
      sample_rate: in Hz.
    """
    amplitudes = np.atleast_2d(amplitudes)
    hz = np.atleast_1d(f0_hz)[:, None] * np.arange(1, amplitudes.shape[1] + 1)
    wrong = (hz >= sample_rate / 2) & (np.abs(amplitudes) > 1e-6)
    if not wrong.any():
        return None
    frame, harmonic = np.argwhere(wrong)[0]
    return (
        f"there is energy above Nyquist: harmonic {harmonic + 1} would be at "
        f"{_hz(hz[frame, harmonic])}, so it folds back below {_hz(sample_rate / 2)}."
    )


def peak(sound, right, tolerance=0.02):
    """Say whether a sound's peak is too high or too low."""
    highest = float(np.abs(sound).max())
    if abs(highest - right) <= tolerance * right:
        return None
    db = 20 * np.log10(max(highest, 1e-9) / right)
    return f"it is {too_loud(db)}: its peak is {highest:.2f} instead of {right:.2f}."


def too_loud(db):
    """Return "6.0 dB too loud", or "6.0 dB too soft" if `db` is negative."""
    return f"{abs(db):.1f} dB too {'loud' if db > 0 else 'soft'}"


def _hz(value):
    return f"{value:.0f} Hz" if value >= 100 else f"{value:.1f} Hz"


def _short(value):
    return f"{float(value):.4g}"


def kind(answer):
    """Describe what an answer is: "of type dict", or "nothing (None)"."""
    if answer is None:
        return "nothing (None)"
    if isinstance(answer, int) and abs(answer) > sys.float_info.max:
        return "a whole number with more digits than a float can hold"
    return f"of type {type(answer).__name__}"


def _first(array):
    return str(array.ravel()[0])[:20]


def _described(argument):
    if np.shape(argument):
        return f"an array of shape {np.shape(argument)}"
    return f"{argument!r}"[:40]


def _plain(word):
    return " ".join(word.replace("_", " ").casefold().split())


def _listed(options):
    return ", ".join(map(repr, options))
