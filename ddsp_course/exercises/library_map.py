"""Exercises of notebooks/01_ddsp_library/01_library_map.ipynb."""

import numpy as np

from ddsp_course.exercises import hints
from ddsp_course.units import SAMPLE_RATE, hz_to_midi, midi_to_hz

HOMES = {
    "Harmonic": ("synths", "it plays a note from nothing, as a synthesizer does"),
    "Mix": ("processors", "it neither makes a sound nor colours one: it blends two"),
    "ExpDecayReverb": ("effects", "it puts a sound into a room"),
    "SpectralLoss": ("losses", "it says how far two sounds are apart"),
    "RnnFcDecoder": ("training.decoders", "it draws curves, which others make audible"),
}
PROCESSORS = {
    "processors": {"Add", "Crop", "Mix"},
    "synths": {"FilteredNoise", "Harmonic", "Sinusoidal", "TensorToAudio", "Wavetable"},
    "effects": {"ExpDecayReverb", "FIRFilter", "FilteredNoiseReverb", "ModDelay", "Reverb"},
}
NOTES = {"C4": 60, "E4": 64, "G4": 67}
CHORD_HZ = midi_to_hz(list(NOTES.values()))
AMPLITUDE = 0.2


def homes(found):
    """{class's name: its module's name} of the five classes of `HOMES`; more do no harm."""
    if not isinstance(found, dict):
        return f"a dictionary is asked for, and this is of the kind {type(found).__name__}."
    found = {_name(key): _name(value) for key, value in found.items()}
    if not set(found) & set(HOMES):
        if set(found.values()) & set(HOMES):
            return (
                "it is the wrong way round: the class is the key, and its module stands behind it."
            )
        return f"its keys are {', '.join(list(found)[:3])}, and not the names of the classes."
    for name, (home, heard) in HOMES.items():
        if name not in found:
            return f"{name} is missing: {heard}."
        said = found[name].removesuffix(".py").removeprefix("ddsp.")
        if said in (home, home.split(".")[-1]):
            continue
        if "keras" in said:
            return f"{said} is where the parent of {name} lives: ask the class for its own module."
        if said == home.split(".")[0]:
            return f"{name}: ddsp.{said} is a whole folder; in which of its files is the class written?"
        return f"{name} is not at home in {said}: {heard}. Its __module__ tells."
    return None


def processors(names):
    """The names (or the classes) of all 13 subclasses of Processor, in any order, each once."""
    if isinstance(names, dict):
        names = list(names)
    if not isinstance(names, (list, tuple, set, frozenset)) and np.ndim(names) != 1:
        return f"a list of names is asked for, and this is of the kind {type(names).__name__}."
    names = [_name(one).split(".")[-1] for one in names]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        return (
            f"{min(twice)} is there twice, as in an echo: gin makes a child of each class that "
            "it knows. Look into the modules instead."
        )
    every = set().union(*PROCESSORS.values())
    extra, missing = sorted(set(names) - every), every - set(names)
    if "Processor" in extra:
        return "Processor itself makes no sound: it is the parent of all, and stays out."
    if "ProcessorGroup" in extra:
        return "ProcessorGroup holds processors, but is none: it inherits from DAGLayer."
    if extra:
        return f"{extra[0]} is no processor: does it inherit from Processor?"
    if missing == {"ExpDecayReverb", "FilteredNoiseReverb"}:
        return (
            "two rooms are missing: some reverbs inherit from Reverb, and so from Processor by a "
            "detour."
        )
    for module, family in PROCESSORS.items():
        if family <= missing:
            return f"nothing of ddsp.{module} is among them: it holds {len(family)}."
    if missing:
        module = next(name for name, family in PROCESSORS.items() if missing & family)
        return f"{len(missing)} are missing, the first of them in ddsp.{module}."
    return None


def chord_hz(frequencies):
    """C4, E4 and G4 in Hz, equally tempered on A4 = 440 Hz, (3,)."""
    wrong = hints.numbers(frequencies) or hints.shape(frequencies, (3,), ("notes",))
    if wrong:
        return wrong
    frequencies = np.sort(np.asarray(frequencies, float))
    notes = np.array(list(NOTES.values()))
    if np.allclose(frequencies, notes):
        return "these are still MIDI numbers: as hertz, they would be a rumble. Convert them."
    if np.allclose(frequencies, hz_to_midi(notes), atol=1e-2):
        return "this went the other way: hz_to_midi takes hertz, and C4, E4, G4 are MIDI numbers."
    if frequencies.min() <= 0:
        return (
            f"a pitch in hertz is above zero, and the lowest of these is {frequencies.min():.4g}."
        )
    return hints.factor(
        frequencies,
        CHORD_HZ,
        {
            1e-3: "these are kilohertz, and hertz are asked for.",
            2 * np.pi: "these are radians a second: hertz are 2 π times fewer.",
            2 ** (69 / 12): "it is 69 semitones too high: A4, 440 Hz, is note 69, and not note 0.",
        },
    ) or _out_of_tune(frequencies)


def chord(sound):
    """One second of C4, E4 and G4 as sines of amplitude 0.2, (16000,)."""
    wrong = hints.numbers(sound)
    if wrong:
        return wrong
    if np.shape(sound) in ((SAMPLE_RATE, 3), (1, SAMPLE_RATE, 3)):
        return "these are three sounds side by side: add them up, as air does."
    wrong = hints.shape(sound, (SAMPLE_RATE,), ("samples",))
    if wrong:
        return wrong
    heard, amplitudes = _partials(np.asarray(sound, float))
    if len(heard) == 0:
        return "it is silent."
    if len(heard) < 3:
        notes = " and ".join(f"{hz:.0f} Hz" for hz in heard)
        return f"a chord of three notes is asked for, and only {notes} can be heard."
    if len(heard) > 3:
        far = [np.abs(np.log2(hz / CHORD_HZ)).min() for hz in heard]
        return (
            f"something sounds at {heard[np.argmax(far)]:.0f} Hz that belongs to none of the notes."
        )
    wrong = _out_of_tune(heard)
    if wrong:
        return wrong
    db = 20 * np.log10(amplitudes / AMPLITUDE)
    if np.ptp(db) < 0.3 and abs(db.mean()) > 0.3:
        mean = db.mean()
        return f"in tune, and {hints.too_loud(mean)}: each sine has an amplitude of {AMPLITUDE}."
    for name, off in zip(NOTES, db, strict=True):
        if abs(off) > 0.3:
            return f"{name} is {hints.too_loud(off)}."
    return None


def _out_of_tune(frequencies):
    """Say which of three pitches, from low to high, is off, or that all are off alike."""
    cents = 1200 * np.log2(frequencies / CHORD_HZ)
    if np.ptp(cents) < hints.CENTS:
        wrong = hints.off_pitch(frequencies[0], CHORD_HZ[0])
        return wrong and f"the whole chord is transposed; its C: {wrong}"
    if abs(cents[1] + 100) < hints.CENTS and abs(cents[[0, 2]]).max() < hints.CENTS:
        return "the third is a semitone flat, and the chord sounds sad: C minor. E4 is note 64."
    for i, name in enumerate(NOTES):
        wrong = hints.off_pitch(frequencies[i], CHORD_HZ[i])
        if wrong and name == "E4" and abs(cents[1] + 13.7) < 1:
            return (
                "the third is pure, 14 cents flat against ddsp's: MIDI's semitones are all alike, "
                "2 ** (1 / 12)."
            )
        if wrong:
            return f"{name}: {wrong}"
    return None


def _partials(sound):
    """Return the frequencies (Hz) and amplitudes of what sounds steadily for a second, low to high."""
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
