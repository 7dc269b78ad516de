"""Answers to the exercises of 04_beyond_the_paper/02_from_notes_to_curves, right and wrong."""

import numpy as np

FAULTS = {
    "A": "slides into every note",
    "B": "arc upside down",
    "C": "vibrato without delay",
}


def in_a_loop(notes):
    voice = []
    for start in sorted(set(notes[:, 0])):
        together = notes[notes[:, 0] == start]
        highest = together[together[:, 2].argmax()].copy()
        if voice:
            voice[-1][1] = min(voice[-1][1], start)
        voice.append(highest)
    return voice


def with_pandas_thinking(notes):
    """Highest first within a start; the first of each start is kept."""
    ordered = notes[np.lexsort((-notes[:, 2], notes[:, 0]))]
    _, first = np.unique(ordered[:, 0], return_index=True)
    ordered = ordered[first]
    ordered[:, 1] = np.minimum(ordered[:, 1], np.append(ordered[1:, 0], np.inf))
    return ordered


def uncut(notes):
    """The highest of each start, in order, with the ends as they were."""
    ordered = notes[np.lexsort((-notes[:, 2], notes[:, 0]))]
    return ordered[np.unique(ordered[:, 0], return_index=True)[1]]


def legato(notes):
    voice = with_pandas_thinking(notes)
    voice[:-1, 1] = voice[1:, 0]
    return voice


def lowest(notes):
    ordered = notes[np.lexsort((notes[:, 2], notes[:, 0]))]
    voice = ordered[np.unique(ordered[:, 0], return_index=True)[1]]
    voice[:-1, 1] = np.minimum(voice[:-1, 1], voice[1:, 0])
    return voice


def all_cut(notes):
    """In order, but chords keep all their notes."""
    voice = notes[np.argsort(notes[:, 0], kind="stable")]
    voice[:-1, 1] = np.minimum(voice[:-1, 1], voice[1:, 0])
    return voice


def without_overlaps(notes):
    """Throws away what overlaps, in place of cutting it."""
    voice = with_pandas_thinking(notes)
    ends = uncut(notes)[:, 1]
    return voice[np.append(ends[:-1] <= voice[1:, 0], True)]


def half_steps(velocity):
    return np.clip(np.round(velocity), 1, 127)


def by_hand(notes, first_db, last_db, slope_db, at_0_db):
    whole_s = notes[-1, 0] - notes[0, 0]
    made = []
    for start, *_ in notes:
        level_db = first_db + (last_db - first_db) * (start - notes[0, 0]) / whole_s
        made.append(int(min(127, max(1, round((level_db - at_0_db) / slope_db)))))
    return made


def rounded_down(notes, first_db, last_db, slope_db, at_0_db):
    """Floors x + 0.5: where `round` takes the even neighbour, it takes the upper one."""
    level_db = first_db + (last_db - first_db) * (notes[:, 0] - notes[0, 0]) / np.ptp(notes[:, 0])
    return np.clip(np.floor((level_db - at_0_db) / slope_db + 0.5), 1, 127)


def levels(notes, first_db, last_db):
    return np.interp(notes[:, 0], notes[[0, -1], 0], [first_db, last_db])


def right():
    """{exercise: [answers that are right, though written in another way than the solution]}."""
    from ddsp_course import _tensorflow

    tf = _tensorflow.load()
    return {
        "ticks": [480, 480.0, [480], 0b11_1100000],
        "average": ["none", "None ", "NONE"],
        "one_voice": [
            in_a_loop,
            with_pandas_thinking,
            lambda notes: tf.constant(with_pandas_thinking(notes)),
        ],
        "crescendo": [by_hand, rounded_down, lambda *given: tf.constant(by_hand(*given))],
        "faults": [
            {"A": "Slides into every note", "B": "arc_upside_down", "C": " vibrato without delay"}
        ],
    }


def wrong():
    """{exercise: [(plausible wrong answer, words of the hint that fits it)]}."""

    def in_order(notes, first_db, last_db, slope_db, at_0_db):
        return half_steps((np.linspace(first_db, last_db, len(notes)) - at_0_db) / slope_db)

    def by_ends(notes, first_db, last_db, slope_db, at_0_db):
        level_db = np.interp(notes[:, 1], notes[[0, -1], 1], [first_db, last_db])
        return half_steps((level_db - at_0_db) / slope_db)

    return {
        "ticks": [
            (0x83 * 128 + 0x60, "is a flag"),
            (3 * 256 + 0x60, "not 256"),
            (0x8360, "16-bit"),
            (0x60 * 128 + 3, "come first"),
            (3 * 128 + 60, "hexadecimal"),
            (3 + 0x60, "do not weigh the same"),
            (3 * 128, "second byte"),
            (481, "seven bits of each byte"),
            ("480", "remove the quotes"),
            ([3, 0x60], "shape"),
        ],
        "average": [
            ("the same as in the curves", "up or down"),
            ("one at the average rate", "straight line"),
            ("a slow one", "not among the words"),
            (0, "one of the words"),
        ],
        "one_voice": [
            (lambda notes: notes, "still sounds"),
            (uncut, "still sounds"),
            (all_cut, "start together"),
            (lowest, "the highest should stay"),
            (legato, "rest was filled"),
            (without_overlaps, "lost"),
            (lambda notes: with_pandas_thinking(notes)[::-1], "not in the order"),
            (lambda notes: with_pandas_thinking(notes)[:, :3], "shape is"),
            (lambda notes: with_pandas_thinking(notes) + [0, 0, 0, 1], "velocities"),
            (lambda notes: with_pandas_thinking(notes) - [0, 0.1, 0, 0], "should end at"),
            (lambda notes: with_pandas_thinking(notes) + [0.1, 0.1, 0, 0], "do not start"),
            (np.zeros((3, 4)), "should be a function"),
        ],
        "crescendo": [
            (lambda notes, a, b, slope, at: levels(notes, a, b), "these are decibels"),
            (lambda notes, a, b, slope, at: (levels(notes, a, b) - at) / slope, "whole numbers"),
            (in_order, "from note to note"),
            (by_ends, "ends of the notes"),
            (lambda notes, a, b, slope, at: by_hand(notes, b, a, slope, at), "the other way"),
            (lambda notes, a, b, slope, at: by_hand(notes, a, b, slope, 0), "velocity 0 has"),
            (
                lambda notes, a, b, slope, at: np.round((levels(notes, a, b) - at) / slope),
                "from 1 to 127",
            ),
            (lambda notes, a, b, slope, at: by_hand(notes, a, b, slope, at)[1:], "notes"),
            (lambda notes, a, b, slope, at: np.full(len(notes), 64), "should be"),
            (64, "should be a function"),
        ],
        "faults": [
            (FAULTS | {"A": "vibrato without delay"}, "'A': then even the shortest"),
            (FAULTS | {"A": "no release"}, "'A': then the loudness would fall"),
            (FAULTS | {"B": "velocity ignored"}, "'B': then all notes would be equally loud"),
            (FAULTS | {"C": "slides into every note"}, "'C': then the pitch would start"),
            (FAULTS | {"C": "arc upside down"}, "'C': then the phrase would be softest"),
            ({"A": "slides into every note"}, "says nothing about 'B'"),
            ("no release", "a dictionary such as"),
        ],
    }
