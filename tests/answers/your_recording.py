"""Answers to the exercises of 03_train_your_own/01_your_recording, right and wrong."""

import numpy as np


def midi(f0_hz):
    return 69 + 12 * np.log2(f0_hz / 440)


def counted(numbers):
    return np.bincount(numbers.astype(int), minlength=128)


def in_a_loop(f0_hz, f0_confidence):
    seconds = [0.0] * 128
    for hz, sure in zip(f0_hz, f0_confidence, strict=True):
        if sure > 0.5:
            seconds[round(69 + 12 * float(np.log2(hz / 440)))] += 0.004
    return seconds


def by_histogram(f0_hz, f0_confidence):
    edges = np.arange(129) - 0.5
    return np.histogram(midi(f0_hz), edges, weights=(f0_confidence > 0.5) / 250)[0]


def level(sound):
    return 10 * np.log10(np.mean(sound**2))


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf = _tensorflow.load()
    return {
        "vowels": ["a blend of the three", "A_blend of the three "],
        "seconds_per_note": [
            in_a_loop,
            by_histogram,
            lambda f0, c: tf.constant(by_histogram(f0, c))[None],
        ],
        "below_db": [
            lambda x, note: 20 * np.log10(np.std(x[note]) / np.std(x[~note])),
            lambda x, note: [level(x[note]) - level(x[~note])],
            lambda x, note: tf.constant(level(x[note]) - level(x[~note])),
        ],
        "overdone": [
            {
                "A": "The notes' ends are muted",
                "B": "the_high-pass cuts too high",
                "C": " a compressor",
                "D": "the noise reduction is too strong",
            }
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""
    (named,) = right()["overdone"]
    return {
        "vowels": [
            ("the vowel it heard most recently", "random order"),
            ("one of the three at random", "no dice"),
            ("each in turn", "whose turn"),
            ("a", "not among the words"),
            (1, "of type int"),
        ],
        "seconds_per_note": [
            (lambda f0, c: counted(np.round(midi(f0[c > 0.5]))), "are frames"),
            (lambda f0, c: counted(np.round(midi(f0))) / 250, "unsure"),
            (lambda f0, c: counted(midi(f0[c > 0.5])) / 250, "rounds down"),
            (lambda f0, c: counted(np.ceil(midi(f0[c > 0.5]))) / 250, "rounds up"),
            (lambda f0, c: counted(np.round(midi(f0[c < 0.5]))) / 250, "not sure"),
            (lambda f0, c: by_histogram(f0, c) / by_histogram(f0, c).sum(), "not shares"),
            (lambda f0, c: 250 * by_histogram(f0, c) / 16000, "16 000"),
            (lambda f0, c: by_histogram(2 * f0, c), "octave too high"),
            (lambda f0, c: by_histogram(f0 / 2, c), "octave too low"),
            (lambda f0, c: by_histogram(f0 * 2 ** (3 / 12), c), "other notes"),
            (lambda f0, c: np.bincount(np.round(midi(f0[c > 0.5])).astype(int)) / 250, "minlength"),
            (lambda f0, c: by_histogram(f0, c).sum(), "128"),
            (lambda f0: f0, "TypeError"),
            (np.zeros(128), "should be a function"),
        ],
        "below_db": [
            (lambda x, note: level(x[~note]) - level(x[note]), "other way round"),
            (lambda x, note: 2 * (level(x[note]) - level(x[~note])), "twice as many"),
            (lambda x, note: 10 * np.log10(np.std(x[note]) / np.std(x[~note])), "half as many"),
            (lambda x, note: 10 * np.log10(np.sum(x[note] ** 2) / np.sum(x[~note] ** 2)), "sums"),
            (lambda x, note: level(x[note]), "notes alone"),
            (lambda x, note: level(x[~note]), "rests alone"),
            (
                lambda x, note: 20 * np.log10(np.abs(x[note]).max() / np.abs(x[~note]).max()),
                "peaks",
            ),
            (
                lambda x, note: 20 * np.log10(np.abs(x[note]).mean() / np.abs(x[~note]).mean()),
                "absolute values",
            ),
            (lambda x, note: np.var(x[note]) / np.var(x[~note]), "ratio of powers"),
            (lambda x, note: np.std(x[note]) / np.std(x[~note]), "ratio of amplitudes"),
            (lambda x, note: level(x[note]) - level(x), "whole take"),
            (lambda x, note: 40.0, "should be"),
            (lambda x, note: x[note], "should be ()"),
            (40.0, "should be a function"),
        ],
        "overdone": [
            (named | {"A": "a compressor"}, "'A': then the soft notes"),
            (named | {"A": "the notches are too wide"}, "'A': then notes near"),
            (named | {"B": "the notches are too wide"}, "'B': then notes near"),
            (named | {"C": "the noise reduction is too strong"}, "'C': then short whistles"),
            (named | {"D": "the high-pass cuts too high"}, "'D': then it would sound thin"),
            (named | {"D": "the notes' ends are muted"}, "'D': then each note would stop"),
            ({"A": "a compressor"}, "'A'"),
            ("a compressor", "a dictionary such as"),
        ],
    }
