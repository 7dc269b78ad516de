"""Exercises of notebooks/04_beyond_the_paper/02_from_notes_to_curves.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE, midi_to_hz


def ticks(answer):
    """The number that the bytes 83 60 stand for."""
    wrong = hints.one_number(answer)
    if wrong:
        return wrong
    known = {
        "the first byte's highest bit is a flag and not part of the number: leave it out.": (
            0x83 * 128 + 0x60
        ),
        "each byte carries seven bits, so the first one counts 128 times, not 256.": (
            3 * 256 + 0x60
        ),
        "these are the two bytes as a plain 16-bit number, with the flag.": 0x8360,
        "the highest seven bits come first.": 0x60 * 128 + 3,
        "60 is hexadecimal: it is 96.": 3 * 128 + 60,
        "the two parts do not weigh the same: the first one counts 128 times.": 3 + 0x60,
        "the second byte belongs to the number as well.": 3 * 128,
    }
    made = float(np.squeeze(answer))
    if made == 3 * 128 + 0x60:
        return None
    return hints.mistake(made, known, rtol=0) or (
        f"it is {made:.10g}: take seven bits of each byte, the first ones times 128, and add."
    )


def average(answer):
    """A prediction: the vibrato of a network that minimises the squared error."""
    return hints.choice(
        answer,
        "none",
        ("the same as in the curves", "one at the average rate", "none"),
        {
            "the same as in the curves": "nothing in the score says whether the pitch is going up "
            "or down at a moment, so the network cannot know.",
            "one at the average rate": "it would have to start somewhere, and a sine that starts "
            "wrong is further off, on average, than a straight line.",
        },
    )


def one_voice(function):
    """A function from notes (n, 4) in any order to one voice, in order."""
    return hints.on_each(function, {name: (one,) for name, one in _hands().items()}, _wrong_voice)


def crescendo(function):
    """A function (notes, first_db, last_db, slope_db, at_0_db) -> velocities (n,)."""
    even = _notes((0, 1, 60), (1, 2, 62), (2, 3, 64), (3, 4, 65), (4, 5, 67))
    uneven = _notes((1, 1.5, 60), (1.5, 4, 62), (4, 4.2, 64), (4.2, 5, 65), (7, 8, 67))
    return hints.on_each(
        function,
        {
            "five even notes": (even, -40.0, -20.0, 0.25, -50.0),
            "long and short notes": (uneven, -38.0, -22.0, 0.2, -45.0),
            "a diminuendo": (uneven, -20.0, -35.0, 0.2, -45.0),
            "more than velocity 127 can do": (even, -30.0, -5.0, 0.2, -40.0),
        },
        _wrong_crescendo,
    )


def faults(named):
    """{player: the rule that is wrong} for the three of `players`."""
    return hints.choices(
        named,
        {
            "A": "slides into every note",
            "B": "arc upside down",
            "C": "vibrato without delay",
        },
        (
            *("vibrato without delay", "arc upside down", "no release"),
            *("slides into every note", "velocity ignored"),
        ),
        {
            "vibrato without delay": "then even the shortest notes would shake.",
            "arc upside down": "then the phrase would be softest in its middle.",
            "no release": "then the loudness would fall straight down at the end of each note.",
            "slides into every note": "then the pitch would start every note from below.",
            "velocity ignored": "then all notes would be equally loud.",
        },
    )


def players():
    """Return {name: (sound, pitch, loudness)} of three players: (n * 64,), MIDI and dB (n,)."""
    made = {}
    for name in "ABC":
        pitch, loudness_db = _played(name)
        made[name] = (_sing(pitch, loudness_db), pitch, loudness_db)
    return made


_TUNE = ((60, 0.3), (62, 0.3), (64, 0.9), (65, 0.3), (67, 0.9), (64, 0.3), (60, 1.0))


def _played(name):
    """Return pitch (MIDI) and loudness (dB) of a small tune; the name says which rule is wrong."""
    pitch, loudness = [], []
    whole_s, now_s = sum(seconds for _, seconds in _TUNE), 0.0
    for note, seconds in _TUNE:
        since_s = np.arange(round(seconds * FRAME_RATE)) / FRAME_RATE
        delay_s = 0 if name == "C" else 0.3
        vibrato = 0.35 * np.clip((since_s - delay_s) / 0.2 + (name == "C"), 0, 1)
        curve = note + vibrato * np.sin(2 * np.pi * 5.5 * since_s)
        if name == "A":
            curve -= 2.5 * np.exp(-since_s / 0.06)
        place = (now_s + since_s) / whole_s
        arc = (14 if name != "B" else -14) * (np.sin(np.pi * place) - 0.5)
        ends = -40 * np.exp(-since_s / 0.015) - 60 * np.clip(
            (since_s - seconds + 0.06) / 0.06, 0, 1
        )
        pitch.append(curve)
        loudness.append(np.maximum(-20 + arc + ends, -60))
        now_s += seconds
    return np.concatenate(pitch), np.concatenate(loudness)


def _sing(pitch, loudness_db, n_harmonics=6):
    """Play two curves with harmonics that fall as 1 / k, (n * 64,)."""
    frames = np.arange(len(pitch))
    at = np.arange(HOP_SIZE * len(pitch)) / HOP_SIZE
    phase = 2 * np.pi * np.cumsum(midi_to_hz(np.interp(at, frames, pitch))) / SAMPLE_RATE
    wave = sum(np.sin(k * phase) / k for k in range(1, n_harmonics + 1))
    return 10 ** (np.interp(at, frames, loudness_db) / 20) * wave


def _notes(*rows):
    """Return (start, end, pitch) rows as notes (n, 4) of velocity 64."""
    return np.array([(*row, 64) for row in rows], float)


def _hands():
    return {
        "a slurred melody": _notes((0, 1.1, 60), (1, 2.2, 62), (2, 3, 64)),
        "a melody with rests": _notes((0, 0.5, 60), (1, 1.5, 62), (2.5, 3, 64)),
        "a held note under a melody": _notes((0, 3, 48), (0.5, 1, 60), (1, 1.5, 62), (2, 3, 64)),
        "chords": _notes((0, 1, 60), (0, 1, 67), (0, 2, 64), (1, 2, 65), (1, 2, 57)),
        "notes in another order": _notes((2, 3, 64), (0, 1.5, 60), (1, 2.5, 62)),
        "a single note": _notes((0.5, 1, 69)),
    }


def _voice(notes):
    """The right answer: the highest of each start, in order, and its end."""
    ordered = notes[np.lexsort((notes[:, 2], notes[:, 0]))]
    kept = ordered[np.append(ordered[1:, 0] != ordered[:-1, 0], True)]
    kept[:-1, 1] = np.minimum(kept[:-1, 1], kept[1:, 0])
    return kept


def _wrong_voice(made, notes):
    wrong = hints.numbers(made)
    if wrong:
        return wrong
    made, right = np.asarray(made, float), _voice(notes)
    if made.ndim != 2 or made.shape[1] != 4:
        return f"the answer should be notes, (n, 4), but its shape is {made.shape}."
    if np.any(np.diff(made[:, 0]) < 0):
        return "the notes are not in the order in which they start."
    if np.any(np.diff(made[:, 0]) == 0):
        return "two notes still start together: keep one of them."
    if len(made) != len(right):
        many = "were lost" if len(made) < len(right) else "are too many"
        return f"{abs(len(made) - len(right))} notes {many}: {len(made)} instead of {len(right)}."
    if not np.allclose(made[:, 0], right[:, 0]):
        return "the notes do not start when they should: only their ends change."
    if not np.allclose(made[:, 2], right[:, 2]):
        return "of notes that start together, the highest should stay."
    late = made[:-1, 1] > made[1:, 0] + 1e-9
    if late.any():
        k = int(np.flatnonzero(late)[0])
        return f"note {k} still sounds at {made[k + 1, 0]:g} s, when the next one starts."
    if np.any(made[:, 1] > right[:, 1] + 1e-9):
        return "a rest was filled: a note that ends before the next one starts keeps its end."
    if not np.allclose(made[:, 1], right[:, 1]):
        k = int(np.flatnonzero(~np.isclose(made[:, 1], right[:, 1]))[0])
        return f"note {k} ends at {made[k, 1]:g} s and should end at {right[k, 1]:g} s."
    if not np.allclose(made[:, 3], right[:, 3]):
        return "the velocities have changed, and they should not."
    return None


def _wrong_crescendo(made, notes, first_db, last_db, slope_db, at_0_db):
    wrong = hints.numbers(made) or hints.shape(made, (len(notes),), ("notes",))
    if wrong:
        return wrong
    made, start_s = np.asarray(made, float), notes[:, 0]

    def velocities(level_db):
        return (level_db - at_0_db) / slope_db

    exact = velocities(np.interp(start_s, start_s[[0, -1]], [first_db, last_db]))
    right = np.clip(np.round(exact), 1, 127)
    # Half a step is a matter of taste: 66.5 may become 66 or 67.
    is_whole = np.array_equal(made, np.round(made))
    if is_whole and np.all(np.abs(made - np.clip(exact, 1, 127)) <= 0.5 + 1e-6):
        return None
    known = {
        "these are decibels: turn them into velocities with the slope.": (
            np.interp(start_s, start_s[[0, -1]], [first_db, last_db])
        ),
        "the velocities are not whole numbers yet.": np.clip(exact, 1, 127),
        "it rises by the same step from note to note: let it rise in time, so that a long note "
        "takes a larger step.": np.clip(
            np.round(velocities(np.linspace(first_db, last_db, len(notes)))), 1, 127
        ),
        "it goes by the ends of the notes: their starts count.": np.clip(
            np.round(velocities(np.interp(notes[:, 1], notes[[0, -1], 1], [first_db, last_db]))),
            1,
            127,
        ),
        "it runs the other way, from the last loudness to the first.": np.clip(
            np.round(velocities(np.interp(start_s, start_s[[0, -1]], [last_db, first_db]))), 1, 127
        ),
        "velocity 0 has a loudness of its own: subtract it before you divide by the slope.": (
            np.clip(np.round(exact + at_0_db / slope_db), 1, 127)
        ),
    }
    wrong = hints.mistake(made, known, rtol=1e-6, atol=1e-6)
    if wrong:
        return wrong
    if made.max() > 127 or made.min() < 1:
        return f"velocities go from 1 to 127, and these from {made.min():g} to {made.max():g}."
    k = int(np.argmax(np.abs(made - right)))
    return f"the velocity of note {k} is {made[k]:g} and should be {right[k]:g}."
