"""Exercises of notebooks/01_ddsp_library/01_library_map.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE, midi_to_hz

HOMES = {
    "Harmonic": ("synths", "it creates a note from scratch, like a synthesizer"),
    "Mix": ("processors", "it neither makes a sound nor colours one: it blends two"),
    "ExpDecayReverb": ("effects", "it adds a room's reverberation to the audio"),
    "SpectralLoss": ("losses", "it measures how different two sounds are"),
    "RnnFcDecoder": ("training.decoders", "it computes curves that a synthesizer turns into audio"),
}
AMPLITUDE = 0.2
# The notebook's chord and three that it does not show, with two and four notes and with one note
# between the keys of a piano.
CHORDS = ([60, 64, 67], [45, 57], [50, 57, 62, 66], [69.5])
FAULTS = {
    "MIDI numbers as hertz": "C4, E4 and G4 are notes 60, 64 and 67, and 60 Hz would be a rumble",
    "radians as hertz": "all pitches would be too high by a factor of 2 π, or 2.65 octaves",
    "decibels as amplitudes": "that would change the level alone, and by a lot",
    "clipped": "the clipped peaks would add many frequencies that are not in the chord",
    "minor third": "the middle note would be a semitone lower, and the chord would sound sad",
}
FAULTY = {"A": "radians as hertz", "B": "MIDI numbers as hertz", "C": "clipped"}


def homes(found):
    """{class name: module name} of the five classes of `HOMES`; further entries do no harm."""
    if not isinstance(found, dict):
        return f"the answer should be a dictionary, but this is {hints.kind(found)}."
    found = {_name(key): _name(value) for key, value in found.items()}
    if not set(found) & set(HOMES):
        if set(found.values()) & set(HOMES):
            return "it is the wrong way round: the class is the key, and its module is the value."
        return (
            f"its keys are {', '.join(list(found)[:3])}, not the names of the classes: write "
            '{"Harmonic": ..., ...}.'
        )
    for name, (home, heard) in HOMES.items():
        if name not in found:
            return f"{name} is missing: {heard}."
        said = found[name].removesuffix(".py").removeprefix("ddsp.")
        if said in (home, home.split(".")[-1]):
            continue
        if "keras" in said:
            return f"{said} is where the parent of {name} lives: ask the class for its own module."
        if said == home.split(".")[0]:
            return f"{name}: ddsp.{said} is a whole folder; which of its files defines the class?"
        return f"{name} is not defined in {said}: {heard}. Look at its __module__."
    return None


def farthest(answer):
    """A prediction: which of four sounds has the largest spectral loss."""
    not_it = (
        "run the next cell and compare. The loss counts partials that are missing, and also "
        "partials that should not be there."
    )
    return hints.choice(
        answer,
        "a whole tone higher",
        ("itself", "half as loud", "a whole tone higher", "silence"),
        {
            "itself": "the loss between a sound and itself is 0.",
            "half as loud": f"its partials are all where they should be: {not_it}",
            "silence": not_it,
        },
    )


def chord(function):
    """A function that plays MIDI notes for a second as sines of amplitude 0.2, (16000,)."""
    for notes in CHORDS:
        sound, wrong = hints.call(function, np.array(notes))
        wrong = wrong or _wrong_chord(sound, notes)
        if wrong:
            return f"for the notes {notes}: {wrong}"
    return None


def faulty_chords():
    """Return {name: sound} of the three chords that `faults` asks about, (16000,) each."""
    notes = np.array(CHORDS[0])
    good_hz = midi_to_hz(notes)
    clipped = np.clip(3 * _sines(good_hz), -0.4, 0.4)
    return {"A": _sines(2 * np.pi * good_hz), "B": _sines(notes), "C": clipped}


def faults(named):
    """{chord: its fault} for the three chords of `faulty_chords`."""
    why = {fault: f"then {reason}." for fault, reason in FAULTS.items()}
    return hints.choices(named, FAULTY, tuple(FAULTS), why)


def _wrong_chord(sound, notes):
    wrong = hints.numbers(sound)
    if wrong:
        return wrong
    if len(notes) > 1 and np.shape(sound)[-2:] == (SAMPLE_RATE, len(notes)):
        return "these are several sounds side by side: add them up."
    sound = np.squeeze(sound)
    wrong = hints.shape(sound, (SAMPLE_RATE,), ("samples",))
    if wrong:
        return wrong
    heard, amplitudes = _partials(np.asarray(sound, float))
    right = midi_to_hz(np.sort(notes))
    if len(heard) == 0:
        return "it is silent."
    if len(heard) < len(notes):
        return f"{len(notes)} notes should sound, but only {len(heard)} can be heard."
    if len(heard) > len(notes):
        far = [np.abs(np.log2(hz / right)).min() for hz in heard]
        return f"there is a tone at {heard[np.argmax(far)]:.0f} Hz that belongs to none of them."
    known = {
        "these are MIDI numbers played as hertz: convert them.": np.sort(notes),
        "the frequencies are too high by a factor of 2 π: oscillator_bank takes hertz.": (
            2 * np.pi * right
        ),
    }
    # A bin of a one-second spectrum is 1 Hz wide: this is half a bin.
    wrong = hints.mistake(heard, known, rtol=1e-3, atol=0.5) or _out_of_tune(heard, right)
    if wrong:
        return wrong
    db = 20 * np.log10(amplitudes / AMPLITUDE)
    if np.ptp(db) < 0.3 and abs(db.mean()) > 0.3:
        return (
            f"it is in tune but {hints.too_loud(db.mean())}: each sine should have an amplitude of "
            f"{AMPLITUDE}."
        )
    for hz, off in zip(right, db, strict=True):
        if abs(off) > 0.3:
            return f"the note at {hz:.0f} Hz is {hints.too_loud(off)}."
    if np.std(_levels(sound)) > 0.02 * np.mean(_levels(sound)) and len(notes) == 1:
        return "its level changes: each sine should keep an amplitude of 0.2 to the end."
    return None


def _levels(sound):
    """Return the RMS of each tenth of a second, (10,)."""
    return np.sqrt(np.mean(np.reshape(np.asarray(sound, float), (10, -1)) ** 2, axis=1))


def _sines(frequencies_hz):
    """Return one second of sines with an amplitude of 0.2, (16000,)."""
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    return AMPLITUDE * np.sin(2 * np.pi * np.outer(frequencies_hz, time)).sum(axis=0)


def _out_of_tune(heard, right):
    """Say which of the pitches is wrong, or that all are wrong by the same interval."""
    cents = 1200 * np.log2(heard / right)
    if np.ptp(cents) < hints.CENTS:
        wrong = hints.off_pitch(heard[0], right[0])
        return wrong and f"the whole chord is transposed. Its lowest note: {wrong}"
    i = np.argmax(abs(cents))
    wrong = hints.off_pitch(heard[i], right[i])
    return wrong and f"one note should be at {right[i]:.0f} Hz: {wrong}"


def _partials(sound):
    """Return the frequencies (Hz) and amplitudes of the steady partials in a second, low to high."""
    finer, window = 8, np.hanning(len(sound) + 1)[:-1]
    size = np.abs(np.fft.rfft(sound * window, finer * len(sound))) / (window.sum() / 2)
    middle = size[1:-1]
    top = (middle > size[:-2]) & (middle >= size[2:]) & (middle > max(1e-4, 0.1 * size.max()))
    peaks = np.flatnonzero(top) + 1
    left, centre, right = size[peaks - 1], size[peaks], size[peaks + 1]
    summit = peaks + 0.5 * (left - right) / (left - 2 * centre + right)
    return summit * SAMPLE_RATE / (finer * len(sound)), centre


def _name(thing):
    return str(getattr(thing, "__name__", thing))


HEARD = {"chord": lambda function: function(np.array(CHORDS[0]))}
