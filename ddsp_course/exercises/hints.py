"""What may be wrong with an answer, said in words of sound.

Each function returns a sentence, or None where it has nothing to say, so that an exercise is a
chain of them with `or`: the first thing that is wrong is what the learner reads.
"""

import contextlib
import io
import sys

import numpy as np

from ddsp_course.errors import one_line
from ddsp_course.units import SAMPLE_RATE

# A few cents are heard by nobody, and lie within what `pitch_hz` can measure.
CENTS = 5


def numbers(answer):
    """Return a hint unless an answer is an array of finite real numbers."""
    try:
        array = np.asarray(answer)
    except Exception:  # noqa: BLE001, rows of different lengths, objects that refuse
        return f"numbers are asked for, and this is {kind(answer)}."
    if array.dtype.kind == "c":
        return "these are complex numbers, and real ones are asked for: take their real part."
    if array.dtype.kind in "US":
        return (
            f"numbers are asked for, and this is text: leave out the quotes of {_first(array)!r}."
        )
    if array.dtype.kind not in "biuf":
        return f"numbers are asked for, and this is {kind(answer)}."
    answer = array.astype(float)
    if not np.isfinite(answer).all():
        bad = np.flatnonzero(~np.isfinite(answer.ravel()))[0]
        return (
            f"number {bad} is not finite (infinity, or NaN): was something divided by zero, or "
            "the logarithm of zero taken?"
        )
    return None


def read(answer):
    """Return an answer as what exercises take: tensors and lists of numbers as NumPy arrays."""
    if hasattr(answer, "detach"):  # PyTorch's tensors, which may want their gradient kept
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
      (result, None), the result as `read` gives it; or (None, hint) if it is no function, stops
      with an error, or returns nothing.
    """
    if not callable(function):
        return None, f"a function is asked for, and this is {kind(function)}: hand over its name."
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
    """Try a learner's function on several inputs; return a hint for the first that goes wrong.

    Args:
      function: the answer; see `call`.
      cases: {what the input is, in words: tuple of arguments}.
      judge: function of the result and the arguments; returns a hint, or None if it is right.
    """
    for name, arguments in cases.items():
        result, wrong = call(function, *arguments)
        wrong = wrong or judge(result, *arguments)
        if wrong:
            return f"for {name}: {wrong}"
    return None


def choice(answer, right, options, why):
    """Return a hint unless an answer is the right one of several words.

    Upper and lower case, spaces and underscores do not matter.

    Args:
      answer: text.
      right: the right one.
      options: all words that can be chosen.
      why: {wrong option: why it is not that one}.
    """
    if not isinstance(answer, str):
        return f"one of the words {_listed(options)} is asked for, and this is {kind(answer)}."
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
      answers: {item: word}, as a learner gives them.
      right: {item: its right word}.
      options: all words that can be chosen.
      why: {(item, wrong word): why not}; or {wrong word: why not}, for whichever item.
    """
    if not isinstance(answers, dict):
        return f"a dictionary such as {{{next(iter(right))!r}: ...}} is asked for, and this is {kind(answers)}."
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
    """Say whether the shape is another, and what that means.

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
        return f"the axes are in another order: {named} is asked for, and this is {got}."
    if tuple(n for n in got if n != 1) == tuple(n for n in expected if n != 1):
        return f"the numbers are there, but their shape is {got}, and {tuple(expected)} is asked for, {named}."
    if len(got) == len(expected):
        for name, n, right in zip(axes, got, expected, strict=True):
            if abs(n - right) == 1:
                return f"there is one too {'many' if n > right else 'few'} of {name}: {n}, and not {right}."
    return f"the shape is {got}, and {tuple(expected)} is asked for, {named}."


def close(answer, right, rtol=1e-3, atol=1e-6):
    """Say how far off an answer is that has the right shape."""
    answer, right = np.asarray(answer, float), np.asarray(right, float)
    off = np.abs(answer - right) > atol + rtol * np.abs(right)
    if not off.any():
        return None
    if off.ndim == 0:
        return f"{_short(answer)} is not it yet."
    first = tuple(int(i) for i in np.argwhere(off)[0])
    where = first[0] if len(first) == 1 else first
    return (
        f"{off.mean():.0%} of the numbers are off; the first is number {where}, which is "
        f"{_short(answer[first])}."
    )


def one_number(answer):
    """Say whether an answer is anything but a single number; an array of one will do."""
    return numbers(answer) or shape(np.squeeze(answer), (), ())


def mistake(answer, known, rtol, atol=0.0):
    """Say whether an answer is one of the usual wrong ones.

    Args:
      answer: array.
      known: {sentence: what that mistake makes of it}.
      rtol, atol: how near.
    """
    for sentence, other in known.items():
        if np.allclose(answer, other, rtol=rtol, atol=atol):
            return sentence
    return None


def factor(answer, right, known, rtol=1e-3):
    """Say whether an answer is the right one times a known factor, such as a wrong unit.

    Args:
      answer, right: arrays of one shape.
      known: {factor: sentence}.
      rtol: how near.
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
        return "no pitch can be heard in it."
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
        return f"it is {count} too {side}: {_hz(heard_hz)}, and not {_hz(f0_hz)}."
    if abs(cents) < 100:
        return f"it is {abs(cents):.0f} cents {'sharp' if cents > 0 else 'flat'}: {_hz(heard_hz)}, and not {_hz(f0_hz)}."
    return (
        f"it is {abs(cents) / 100:.1f} semitones too {side}: {_hz(heard_hz)}, and not {_hz(f0_hz)}."
    )


def pitch_hz(sound, sample_rate=SAMPLE_RATE):
    """Return the pitch of a steady sound in Hz, by its autocorrelation; None if it has none."""
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
    # Step by step to the last period of all, which is measured more exactly than the first.
    count = 1
    while (count + 1) * period / count < longest - 1:
        count += 1
        guess = period * count / (count - 1)
        period = peaks[np.argmin(np.abs(peaks - guess))]
    left, middle, right = same[period - 1 : period + 2]
    summit = period + 0.5 * (left - right) / (left - 2 * middle + right)
    return sample_rate * finer * count / summit


def late(answer, right, hop_size=1, unit="hop", most=8):
    """Say whether an answer is the right one, but early or late by a few hops.

    Args:
      answer, right: (n,) of about the same length.
      hop_size: how many numbers are a hop.
      unit: what to call it.
      most: how many hops to look.
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
    """Say which harmonics sound above half the sample rate, and are folded down from there.

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
        f"{_hz(hz[frame, harmonic])}, and folds down from {_hz(sample_rate / 2)}."
    )


def peak(sound, right, tolerance=0.02):
    """Say whether a sound's highest sample is not the one that was asked for."""
    highest = float(np.abs(sound).max())
    if abs(highest - right) <= tolerance * right:
        return None
    db = 20 * np.log10(max(highest, 1e-9) / right)
    return f"it is {too_loud(db)}: its peak is {highest:.2f}, and not {right:.2f}."


def too_loud(db):
    """Return "6.0 dB too loud", or "too soft" for a level below zero."""
    return f"{abs(db):.1f} dB too {'loud' if db > 0 else 'soft'}"


def _hz(value):
    return f"{value:.0f} Hz" if value >= 100 else f"{value:.1f} Hz"


def _short(value):
    return f"{float(value):.4g}"


def kind(answer):
    """Return what an answer is, in words: "of the kind dict", or "nothing (None)"."""
    if answer is None:
        return "nothing (None)"
    if isinstance(answer, int) and abs(answer) > sys.float_info.max:
        return "a whole number of more digits than a float can hold"
    return f"of the kind {type(answer).__name__}"


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
