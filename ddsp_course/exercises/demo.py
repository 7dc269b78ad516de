"""Exercises of notebooks/02_timbre_transfer/00_demo.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import hz_to_midi, midi_to_hz

SETTINGS = ("pitch_shift", "loudness_shift", "autotune", "quiet", "note_threshold", "match")
SUNG_HZ = np.array([98.0, 110.0, 130.8, 146.8])
TRUMPET = 68.7
LEVELS_DB = np.array([-75.0, -30.0, -12.0, -9.0, -14.0, -40.0, -11.0, -66.0])
IS_NOTE = np.array([False, False, True, True, True, False, True, False])
OFF_HZ = np.array([436.0, 450.0, 500.0, 659.3, 702.0])
# A thousandth of a frequency, two cents, which no ear tells.
IN_TUNE = 1e-3


def settings(answer):
    """An octave lower, 12 dB softer, exactly in tune: {"pitch_shift": -1, ...}."""
    if not isinstance(answer, dict):
        return 'a dictionary is asked for, such as {"quiet": 20}.'
    unknown = [str(name) for name in answer if name not in SETTINGS]
    if unknown:
        return f"conditioning.adjust has no setting {unknown[0]}: it has {', '.join(SETTINGS)}."
    missing = [name for name in SETTINGS[:3] if name not in answer]
    if missing:
        return f"{missing[0]} is missing, and stays at 0."
    for name in answer:
        wrong = hints.one_number(answer[name])
        if wrong:
            return f"{name}: {wrong}"
    octaves, decibels, autotune = (float(np.squeeze(answer[name])) for name in SETTINGS[:3])
    if octaves != -1:
        known = {
            1: "it plays an octave higher, and not lower: mind the sign of pitch_shift.",
            -12: "it plays twelve octaves lower, where nothing is heard: pitch_shift counts octaves.",
            12: "it plays twelve octaves higher, where nothing is heard: pitch_shift counts octaves.",
            0.5: "half an octave higher: pitch_shift is no factor, it counts octaves.",
        }
        return known.get(octaves, f"it is shifted by {octaves:g} octaves, and not by -1.")
    if decibels != -12:
        known = {
            12: "it plays louder, and not softer: mind the sign of loudness_shift.",
            0.25: "loudness_shift is no factor: it adds decibels.",
        }
        return known.get(decibels, f"the loudness changes by {decibels:g} dB, and not by -12.")
    if autotune != 1:
        if autotune == 100:
            return "autotune is a share from 0 to 1, and no percentage."
        return f"it is drawn {autotune:g} of the way to the semitone: the whole way is 1."
    if not answer.get("match", True):
        return "without match, neither register nor loudness are the violin's."
    return None


def semitones(answer):
    """The pitch_shift for +7, -3 and -24 semitones, (3,)."""
    steps = np.array([7.0, -3.0, -24.0])
    wrong = hints.numbers(answer) or hints.shape(answer, (3,), ("shifts",))
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    right = steps / 12
    known = {
        "these are semitones, and would shift by as many octaves: twelve semitones are one.": steps,
        "these are factors for the frequency: pitch_shift is their exponent.": 2**right,
        "what should go up goes down, and the other way round: mind the signs.": -right,
        "all go up: the last two should go down.": np.abs(right),
        "these are cents: an octave has 1200, and pitch_shift counts octaves.": 100 * steps,
        "an octave has 12 semitones: seven are the white keys alone.": steps / 7,
        "an octave has 12 semitones: it is the eighth white key, and the thirteenth of all.": steps
        / 8,
    }
    # A cent is a 1200th of an octave.
    return hints.mistake(answer, known, rtol=1e-6, atol=1e-3) or hints.close(
        answer, right, rtol=0, atol=2e-3
    )


def register(answer):
    """Four notes of a bass in the trumpet's register, in Hz, (4,)."""
    wrong = hints.numbers(answer) or hints.shape(answer, (4,), ("notes",))
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    right = 4 * SUNG_HZ
    distance = (TRUMPET - hz_to_midi(SUNG_HZ).mean()) / 12
    known = {
        "nothing has moved: an instrument two octaves higher would still whistle.": SUNG_HZ,
        "one octave is too little: 1.8 are missing, and the nearest whole number is 2.": 2
        * SUNG_HZ,
        "the middles agree, but the key has changed: a shift by whole octaves keeps it.": SUNG_HZ
        * 2**distance,
        "it goes down, away from the trumpet: the shift is where it should be, less where it is.": SUNG_HZ
        / 4,
        "two octaves are a factor of 2 ** 2 for a frequency, and here 2 octaves were added in Hz.": SUNG_HZ
        + 2,
        "these are semitones (MIDI numbers): hertz are asked for.": hz_to_midi(right),
        "all notes have the same distance in hertz, and so other intervals: multiply.": SUNG_HZ
        + midi_to_hz(TRUMPET)
        - SUNG_HZ.mean(),
        "each octave doubles the frequency: two of them are a factor of 4.": 3 * SUNG_HZ,
    }
    wrong = hints.mistake(answer, known, rtol=IN_TUNE)
    if wrong:
        return wrong
    if (answer <= 0).any():
        return "a frequency in hertz is above zero."
    if np.allclose(answer / answer[0], right / right[0], rtol=IN_TUNE):
        return hints.off_pitch(answer[0], right[0])
    return hints.close(answer, right, rtol=IN_TUNE)


def quiet(answer):
    """Eight levels of which those outside notes are 20 dB lower, but not below -80 dB, (8,)."""
    wrong = hints.numbers(answer) or hints.shape(answer, (8,), ("frames",))
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    lower = LEVELS_DB - 20
    known = {
        "the notes are turned down, and the rests are kept: it is the other way round.": np.where(
            IS_NOTE, lower, LEVELS_DB
        ),
        "everything is 20 dB lower, the notes too: only the rests should be.": lower,
        "everything is lower, the notes too: only the rests should be.": np.maximum(lower, -80),
        "the floor is missing: below -80 dB the model has never heard anything.": np.where(
            IS_NOTE, LEVELS_DB, lower
        ),
        "the rests got louder: subtract.": np.where(IS_NOTE, LEVELS_DB, LEVELS_DB + 20),
        "the rests are gone altogether: only 20 dB less are asked for.": np.where(
            IS_NOTE, LEVELS_DB, -80
        ),
        "a level in decibels is no amplitude: a tenth of the amplitude is 20 dB subtracted.": np.where(
            IS_NOTE, LEVELS_DB, LEVELS_DB / 10
        ),
        "the rests are at -20 dB now, some of them louder than before: subtract 20.": np.where(
            IS_NOTE, LEVELS_DB, -20
        ),
    }
    right = np.maximum(np.where(IS_NOTE, LEVELS_DB, lower), -80)
    return hints.mistake(answer, known, rtol=0, atol=0.01) or hints.close(
        answer, right, rtol=0, atol=0.05
    )


def autotune(answer):
    """Five pitches, half of the way to the nearest semitone, in Hz, (5,)."""
    wrong = hints.numbers(answer) or hints.shape(answer, (5,), ("pitches",))
    if wrong:
        return wrong
    answer = np.asarray(answer, float)
    pitch = hz_to_midi(OFF_HZ)

    def way(goal, amount=0.5):
        return midi_to_hz(pitch + amount * (goal - pitch))

    right = way(np.round(pitch))
    known = {
        "the whole way: robots sing like that. Half of it is asked for.": way(np.round(pitch), 1.0),
        "nothing has moved.": OFF_HZ,
        "away from the semitones, half of the way: mind the sign.": way(np.round(pitch), -0.5),
        "always the semitone below: the nearest may lie above.": way(np.floor(pitch)),
        "always the semitone above: the nearest may lie below.": way(np.ceil(pitch)),
        "whole hertz are no semitones: round in semitones.": (OFF_HZ + np.round(OFF_HZ)) / 2,
        "these are semitones (MIDI numbers): hertz are asked for.": hz_to_midi(right),
    }
    # Far below what a semitone's half differs, and above what rounding to a tenth of a hertz does.
    tolerance = 2e-4
    return hints.mistake(answer, known, rtol=tolerance) or hints.close(
        answer, right, rtol=tolerance
    )
