"""Exercises of notebooks/04_beyond_the_paper/03_is_it_any_good.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE


def overlooks(named):
    """A prediction: {distance: the damage that it overlooks}, each damage once."""
    return hints.choices(
        named,
        {
            "samples": "hiss",
            "pitch": "6 dB softer",
            "loudness": "10 cents sharp",
            "Fréchet": "shuffled",
        },
        ("6 dB softer", "hiss", "10 cents sharp", "shuffled"),
        {
            ("samples", "6 dB softer"): "half of each sample is missing, an error of 50 %.",
            ("samples", "10 cents sharp"): "a sine that is a little sharp is out of step after a "
            "moment, so its samples have little in common with the original's.",
            ("samples", "shuffled"): "another note's samples have nothing in common with those of "
            "the original.",
            ("pitch", "10 cents sharp"): "the pitch is the one thing that it hears.",
            ("pitch", "shuffled"): "it compares each moment's pitch, and the notes come at other "
            "times now.",
            ("pitch", "hiss"): "true, since CREPE hardly minds a soft hiss. But another distance "
            "overlooks only that one: look for what belongs to `samples` first.",
            ("loudness", "6 dB softer"): "that is what it measures, 6 dB.",
            ("loudness", "hiss"): "nearly true, since noise 30 dB below a note adds little to its "
            "loudness. But another distance overlooks only that one.",
            ("loudness", "shuffled"): "soft and loud moments come at other times now.",
            (
                "Fréchet",
                "6 dB softer",
            ): "true, since CREPE scales each frame to the same level. But "
            "another distance overlooks only that one: look for what belongs to `pitch` first.",
            ("Fréchet", "hiss"): "each frame has the hiss in it, so each point moves.",
            ("Fréchet", "10 cents sharp"): "each frame is a little sharper, and the network was "
            "trained to hear just that.",
        },
    )


def needed(function):
    """A function (n_trials, limit) -> the fewest right answers that guessing hardly reaches."""
    return hints.on_each(
        function,
        {
            "16 trials and a limit of 0.05": (16, 0.05),
            "10 trials and a limit of 0.05": (10, 0.05),
            "25 trials and a limit of 0.01": (25, 0.01),
            "5 trials and a limit of 0.05": (5, 0.05),
            "100 trials and a limit of 0.001": (100, 0.001),
        },
        _wrong_needed,
    )


def endless(function):
    """A function (n_frames, distances) -> the distance with endlessly many frames."""
    sizes = np.array([250.0, 500.0, 1000.0, 2000.0])
    rng = np.random.default_rng(5)
    return hints.on_each(
        function,
        {
            "a bias of 100 / N": (sizes, 3.0 + 100 / sizes),
            "the same crowd twice": (sizes[::-1].copy(), 800 / sizes[::-1]),
            "noisy distances": (sizes, 7.0 + 2000 / sizes + rng.normal(0, 0.1, 4)),
            "three sizes": (np.array([300, 400, 900]), 1.5 + 600 / np.array([300, 400, 900])),
        },
        _wrong_endless,
    )


def studies(named):
    """{study: what is wrong with it} for the three of `three_studies`."""
    return hints.choices(
        named,
        {
            "A": "levels not matched",
            "B": "stopped when it looked good",
            "C": "unequal numbers of frames",
        },
        (
            *("levels not matched", "stopped when it looked good", "unequal numbers of frames"),
            *("a reference of another kind", "too few answers to notice anything"),
        ),
        {
            ("A", "stopped when it looked good"): "all of its 16 trials were planned and made. "
            "Listen to the pair again.",
            ("A", "too few answers to notice anything"): "15 of 16 is a clear result. The question "
            "is what the listener noticed.",
            ("B", "levels not matched"): "nothing is said about its sounds. Look at the number of "
            "its trials, and at the limit in the picture.",
            ("B", "too few answers to notice anything"): "something was noticed, with p below "
            "0.05. Look at when the test ended.",
            ("C", "too few answers to notice anything"): "nobody was asked anything in C.",
            "levels not matched": "its models were not compared by ear.",
            "stopped when it looked good": "in C nobody watched a result grow. Look at the number of frames.",
            "unequal numbers of frames": "that is for a distance between crowds. Here, a listener "
            "answered.",
            "a reference of another kind": "both of its numbers have the same reference, or none.",
        },
    )


def three_studies():
    """Return the evidence of three studies.

    Returns:
      pair: (2, 16000), the sounds of study A's listening test, whose listener was right in 15 of 16
        trials.
      right: (23,) bool, the answers of study B's listener in turn; the test ended after the last.
      distances: {model: (n_frames, distance)} of study C, to the same reference.
    """
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    fade = np.clip(np.minimum(time, 1 - time) / 0.02, 0, 1)
    harmonics = np.arange(1, 9)
    note = fade * (np.sin(2 * np.pi * 294 * np.outer(time, harmonics)) @ (0.12 / harmonics))
    # The phases differ as well, which hardly anyone hears.
    other = fade * (np.cos(2 * np.pi * 294 * np.outer(time, harmonics)) @ (0.12 / harmonics))
    right = np.array([c == "1" for c in "01011010111011011011111"])
    return (
        np.stack([note, 10 ** (-2 / 20) * other]),
        right,
        {"ours": (4000, 6.1), "theirs": (400, 8.3)},
    )


def _tail(n_trials):
    """Return (n_trials + 2,): the probability that guessing gets k or more right, for each k."""
    from scipy.stats import binom

    return binom.sf(np.arange(n_trials + 2) - 1, n_trials, 0.5)


def _fewest(tail, limit):
    return int(np.argmax(tail <= limit))


def _wrong_needed(made, n_trials, limit):
    from scipy.stats import binom

    wrong = hints.one_number(made)
    if wrong:
        return wrong
    made = float(np.squeeze(made))
    tail = _tail(n_trials)
    right = _fewest(tail, limit)
    if made == right:
        return None
    if made != int(made):
        return f"{made:.4g} is no number of answers: count whole answers."
    points = binom.pmf(np.arange(n_trials + 1), n_trials, 0.5)
    one_point = n_trials // 2 + int(np.argmax(points[n_trials // 2 :] <= limit))
    known = {
        "that is the first number whose own probability is below the limit: add those of all "
        "larger numbers as well.": one_point,
        "it leaves out the number itself: guessing gets k or more right, and not only more than "
        "k.": right - 1,
        "it is stricter than asked, as if wrong answers counted too: this test has one side.": (
            _fewest(2 * tail, limit)
        ),
        "it is the number of wrong answers that are allowed: subtract it from all.": n_trials
        - right,
    }
    wrong = hints.mistake(made, known, rtol=0)
    if wrong:
        return wrong
    if made > n_trials or made < 0:
        return f"it is {made:.0f}, but there are {n_trials} answers."
    return (
        f"guessing gets {made:.0f} or more right with a probability of "
        f"{tail[int(made)]:.3g}: the fewest with {limit:g} or less are wanted."
    )


def _wrong_endless(made, n_frames, distances):
    wrong = hints.one_number(made)
    if wrong:
        return wrong
    made = float(np.squeeze(made))
    n_frames = np.asarray(n_frames, float)
    slope, right = np.polyfit(1 / n_frames, distances, 1)
    if np.isclose(made, right, rtol=1e-3, atol=1e-3):
        return None
    known = {
        "it is the line's slope: its value at 1 / N = 0 is wanted.": slope,
        "the line goes over N, and the bias is a line over 1 / N.": np.polyfit(
            n_frames, distances, 1
        )[1],
        "it is the mean of all distances, bias included.": np.mean(distances),
        "it is the distance with the most frames, which still has a bias.": (
            distances[np.argmax(n_frames)]
        ),
        "the line goes through the last two sizes alone: fit it to all.": (
            np.polyfit(1 / n_frames[-2:], distances[-2:], 1)[1]
        ),
        "it is the line's value at 1 / N = 1, for a single frame: its value at 0 is wanted.": (
            slope + right
        ),
    }
    wrong = hints.mistake(made, known, rtol=1e-4, atol=1e-4)
    return wrong or f"it is {made:.4g} and should be {right:.4g}."
