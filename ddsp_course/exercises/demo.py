"""Exercises of notebooks/02_timbre_transfer/00_demo.ipynb."""

import dataclasses
import functools
import warnings

import numpy as np

from ddsp_course import _paths
from ddsp_course.exercises import hints
from ddsp_course.units import FRAME_RATE, HOP_SIZE, SAMPLE_RATE, hz_to_midi, midi_to_hz

SETTINGS = ("pitch_shift", "loudness_shift", "autotune", "quiet", "note_threshold", "match")
# Five cents in octaves. Nobody hears them, so 7 / 12 may be rounded to 0.58.
CENTS_5 = 5 / 1200
# A thousandth of a frequency is two cents.
IN_TUNE = 1e-3
FLOOR_DB = -80.0
OPTIONS = ("nothing", "too low", "two voices", "by ranks", "too loud")


def octaves(answer):
    """A function (f0_hz (n_notes,), mean_pitch) -> whole octaves by which to shift the melody."""
    results = []
    for f0_hz, mean_pitch in _melodies():
        result, wrong = hints.call(answer, f0_hz, mean_pitch)
        if wrong:
            return wrong
        wrong = _one_for_each(result, f0_hz)
        if wrong:
            return wrong
        wrong = hints.one_number(result)
        if wrong:
            return f"the function's result: {wrong}"
        results.append(float(np.squeeze(result)))
    right = [_distance(*case) for case in _melodies()]
    if np.allclose(results, np.round(right), atol=1e-3):
        return None
    return _first_match(results, _octave_mistakes(right)) or _octaves_off(results, right)


def _one_for_each(result, f0_hz):
    """Say what a function returns if it returns a number for each note instead of one for all."""
    if np.size(result) != len(f0_hz) or len(f0_hz) == 1 or hints.numbers(result):
        return None
    result = np.ravel(np.asarray(result, float))
    if np.ptp(result) < 1e-6:
        return "it returns a number for each note: one is enough for the whole melody."
    if np.ptp(result / f0_hz) < 1e-6:
        return "it returns the moved melody: return only the number of octaves."
    return (
        "it moves each note separately, which tears apart any melody wider than an octave: move "
        "all notes by the same number of octaves."
    )


def _octave_mistakes(distances):
    hz = [(mean_pitch - hz_to_midi(f0_hz.mean())) / 12 for f0_hz, mean_pitch in _melodies()]
    half = [(mean_pitch - np.median(hz_to_midi(f0_hz))) / 12 for f0_hz, mean_pitch in _melodies()]
    first = [(mean_pitch - hz_to_midi(f0_hz[0])) / 12 for f0_hz, mean_pitch in _melodies()]
    distances = np.array(distances)
    return {
        "that is Magenta's rule (above 1.5 octaves round down, otherwise up). It moves even a "
        "melody that is already near the middle. Round to the nearest whole number here.": np.where(
            distances > 1.5, np.floor(distances), np.ceil(distances)
        ),
        "it always rounds up, so a melody that is slightly low goes up a whole octave.": np.ceil(
            distances
        ),
        "it always rounds down: 1.9 octaves become 1.": np.floor(distances),
        "the means now agree exactly, but the key has changed: round to whole octaves.": distances,
        "it goes the wrong way: the shift is the target pitch minus the melody's.": -np.round(
            distances
        ),
        "these are semitones: an octave has twelve.": np.round(12 * distances),
        "this is the factor of the frequency: the number of octaves is its exponent.": 2.0
        ** np.round(distances),
        "this averages in hertz, where high notes count for more: average the semitones.": np.round(
            hz
        ),
        "this is the median note: use the mean of the semitones.": np.round(half),
        "this uses the first note alone: average all of them.": np.round(first),
    }


def _octaves_off(results, right):
    at = int(np.argmax(np.abs(np.array(results) - np.round(right))))
    f0_hz, mean_pitch = _melodies()[at]
    return (
        f"a melody of {len(f0_hz)} notes with a mean pitch of {hz_to_midi(f0_hz).mean():.1f} is "
        f"{right[at]:+.2f} octaves from an instrument at {mean_pitch:.1f}, and the nearest whole "
        f"number is {np.round(right[at]):+.0f}."
    )


def _distance(f0_hz, mean_pitch):
    return (mean_pitch - hz_to_midi(f0_hz).mean()) / 12


@functools.cache
def _melodies():
    """[(f0_hz, mean_pitch)]: near and far, narrow and wide, one note and many."""
    bass = np.array([98.0, 110.0, 130.8, 146.8])
    # Its mean in semitones, its mean in hertz and its median ask for different octaves.
    wide = midi_to_hz(np.array([40.0, 41.0, 42.0, 43.0, 76.0]))
    cases = [(wide, 55.5), (wide, 53.0), (bass, 68.7), (bass, 52.0), (np.array([440.0]), 58.0)]
    random = np.random.default_rng(5)
    while len(cases) < 16:
        f0_hz = midi_to_hz(random.uniform(36, 84) + random.uniform(-14, 14, random.integers(2, 30)))
        case = (f0_hz, float(random.uniform(45, 85)))
        if abs(abs(_distance(*case) % 1 - 0.5)) > 0.05:  # no ties
            cases.append(case)
    return cases


def quiet(answer):
    """A function (loudness_db, notes, nearness, quiet) -> loudness with the rests turned down."""
    results, right, mistakes = [], [], {}
    for case in _rests():
        result, wrong = hints.call(answer, *case)
        if wrong:
            return wrong
        wrong = hints.numbers(result)
        if wrong:
            return f"the function's result: {wrong}"
        result = np.atleast_1d(np.squeeze(np.asarray(result, float)))
        wrong = hints.shape(result, case[0].shape, ("frames",))
        if wrong:
            return f"the function's result: {wrong}"
        results.append(result)
        for sentence, other in _quiet_mistakes(*case).items():
            mistakes.setdefault(sentence, []).append(other)
        right.append(_quieten(*case))
    results, right = np.concatenate(results), np.concatenate(right)
    if np.allclose(results, right, atol=0.05):
        return None
    mistakes = {sentence: np.concatenate(rows) for sentence, rows in mistakes.items()}
    return _first_match(results, mistakes, 0.05) or _quiet_off(results)


def _quieten(loudness_db, notes, nearness, quiet):
    lower = loudness_db - np.where(notes, 0, quiet * (1 - nearness))
    return np.maximum(lower, FLOOR_DB)


def _quiet_mistakes(loudness_db, notes, nearness, quiet):
    def floored(lower):
        return np.maximum(lower, FLOOR_DB)

    by_nearness = quiet * (1 - nearness)
    return {
        "the floor is missing: the model was never trained below -80 dB.": loudness_db
        - np.where(notes, 0, by_nearness),
        "it turns down everything by the full amount, the notes too.": floored(loudness_db - quiet),
        "it turns down the notes and keeps the rests: it should be the other way round.": floored(
            loudness_db - np.where(notes, by_nearness, 0)
        ),
        "some notes are turned down too: with a low threshold, a note's nearness can be below 1. "
        "Leave all notes as they are.": floored(loudness_db - by_nearness),
        "the rests get louder: subtract.": floored(loudness_db + np.where(notes, 0, by_nearness)),
        "frames that are nearly notes are turned down most: turn them down least.": floored(
            loudness_db - np.where(notes, 0, quiet * nearness)
        ),
        "it turns every rest down by the full amount: a frame that is nearly a note goes down by "
        "less.": floored(loudness_db - np.where(notes, 0, quiet)),
        "it goes by the level instead of by `notes`: it keeps a loud cough in a rest and loses a "
        "soft note.": floored(np.where(loudness_db > -20, loudness_db, loudness_db - quiet)),
        "it silences the rests altogether: turn them down by `quiet` decibels only.": np.where(
            notes, loudness_db, FLOOR_DB
        ),
        "nothing has changed.": loudness_db,
    }


def _quiet_off(results):
    loudness_db, notes, nearness, quiet = (np.concatenate(part) for part in _flat_rests())
    right = _quieten(loudness_db, notes, nearness, quiet)
    at = int(np.argmax(np.abs(results - right)))
    kind = "a note" if notes[at] else f"not a note (nearness {nearness[at]:.1f})"
    return (
        f"with quiet = {quiet[at]:.0f}, a frame at {loudness_db[at]:.0f} dB that is {kind} should "
        f"be at {right[at]:.0f} dB."
    )


def _flat_rests():
    rows = [(*case[:3], np.full(len(case[0]), case[3])) for case in _rests()]
    return zip(*rows, strict=True)


@functools.cache
def _rests():
    """[(loudness_db, notes, nearness, quiet)], with loud rests, soft notes and low thresholds."""
    random = np.random.default_rng(6)
    cases = []
    for n, quiet_db, threshold in (
        (60, 20.0, 1.0),
        (7, 40.0, 0.6),
        (200, 0.5, 1.0),
        (1, 30.0, 1.0),
    ):
        ratio = random.uniform(0, 1.4, n)
        cases.append(
            (
                random.uniform(-85, 10, n).clip(FLOOR_DB),
                ratio >= threshold,
                ratio.clip(0, 1),
                quiet_db,
            )
        )
    return cases


def to_scale(answer):
    """A function (f0_hz, steps, amount) -> pitches pulled to the nearest note of a scale, in Hz."""
    results, right, mistakes = [], [], {}
    for f0_hz, steps, amount in _songs():
        result, wrong = hints.call(answer, f0_hz, list(steps), amount)
        if wrong:
            return wrong
        wrong = hints.numbers(result)
        if wrong:
            return f"the function's result: {wrong}"
        result = np.atleast_1d(np.squeeze(np.asarray(result, float)))
        wrong = hints.shape(result, f0_hz.shape, ("pitches",))
        if wrong:
            return f"the function's result: {wrong}"
        results.append(result)
        right.append(_drawn(f0_hz, steps, amount))
        for sentence, other in _scale_mistakes(f0_hz, steps, amount).items():
            mistakes.setdefault(sentence, []).append(other)
    results, right = np.concatenate(results), np.concatenate(right)
    if np.allclose(results, right, rtol=IN_TUNE):
        return None
    mistakes = {sentence: np.concatenate(rows) for sentence, rows in mistakes.items()}
    wrong = _first_match(results, mistakes, 0, IN_TUNE)
    return wrong or _scale_off(results, right)


def _scale(steps):
    notes = np.arange(-24, 156)
    return notes[np.isin(notes % 12, steps)]


def _drawn(f0_hz, steps, amount, scale=None):
    pitch = hz_to_midi(f0_hz)
    scale = _scale(steps) if scale is None else scale
    nearest = scale[np.abs(pitch[:, None] - scale).argmin(axis=1)]
    return midi_to_hz(pitch + amount * (nearest - pitch))


def _scale_mistakes(f0_hz, steps, amount):
    pitch, scale = hz_to_midi(f0_hz), _scale(steps)
    octave = 12 * np.floor(pitch / 12)
    within = (
        octave
        + np.asarray(steps)[np.abs((pitch - octave)[:, None] - np.asarray(steps)).argmin(axis=1)]
    )
    below = scale[np.searchsorted(scale, pitch, "right") - 1]
    return {
        "it moves the whole way, whatever the amount: 0.5 should move halfway.": _drawn(
            f0_hz, steps, 1
        ),
        "nothing has moved.": f0_hz,
        "it moves away from the notes: check the sign.": _drawn(f0_hz, steps, -amount),
        "these are semitones (MIDI numbers): convert them to hertz.": hz_to_midi(
            _drawn(f0_hz, steps, amount)
        ),
        "it goes to the nearest semitone, even if that is not in the scale.": _drawn(
            f0_hz, steps, amount, np.arange(-24, 156)
        ),
        "it pulls a high B down to a note in its own octave, but the C above may be nearer: the "
        "scale continues in the next octave.": midi_to_hz(pitch + amount * (within - pitch)),
        "it always takes the note below: the nearest may be above.": midi_to_hz(
            pitch + amount * (below - pitch)
        ),
    }


def _scale_off(results, right):
    f0_hz = np.concatenate([case[0] for case in _songs()])
    at = int(np.argmax(np.abs(np.log(np.maximum(results, 1e-9) / right))))
    names = [f"steps {list(case[1])}, amount {case[2]:g}" for case in _songs() for _ in case[0]]
    return f"with {names[at]}, {f0_hz[at]:.1f} Hz should become {right[at]:.1f} Hz."


@functools.cache
def _songs():
    """[(f0_hz, steps, amount)]: several scales, with pitches around the octave's boundary."""
    random = np.random.default_rng(7)
    cases = []
    for steps, amount, n in (
        ((0, 2, 4, 7, 9), 1.0, 40),
        ((0, 2, 4, 5, 7, 9, 11), 0.5, 25),
        ((1, 6), 0.8, 30),
        ((0,), 0.3, 9),
    ):
        pitch = random.uniform(40, 90, 4 * n)
        pitch[:5] = [59.6, 71.7, 83.8, 58.9, 47.3]
        scale = _scale(steps)
        apart = np.sort(np.abs(pitch[:, None] - scale), axis=1)
        clear = pitch[apart[:, 1] - apart[:, 0] > 0.1]  # midway, both notes would be right
        cases.append((midi_to_hz(clear[:n]), steps, amount))
    return cases


def settings(answer):
    """A fifth lower, 12 dB softer, exactly in tune: {"pitch_shift": -7 / 12, ...}."""
    if not isinstance(answer, dict):
        return 'the answer should be a dictionary such as {"quiet": 20}.'
    unknown = [str(name) for name in answer if name not in SETTINGS]
    if unknown:
        return f"conditioning.adjust has no setting {unknown[0]}: it has {', '.join(SETTINGS)}."
    missing = [name for name in SETTINGS[:3] if name not in answer]
    if missing:
        return f"{missing[0]} is missing, so it stays at 0."
    for name in answer:
        wrong = hints.one_number(answer[name])
        if wrong:
            return f"{name}: {wrong}"
    values = {name: float(np.squeeze(value)) for name, value in answer.items()}
    return _pitch_shift(values["pitch_shift"]) or _other_settings(values)


def _pitch_shift(shift):
    right = -7 / 12
    if abs(shift - right) <= CENTS_5:
        return None
    known = {
        7 / 12: "it plays a fifth higher instead of lower: check the sign of pitch_shift.",
        -7: "it plays seven octaves lower, below hearing: pitch_shift counts octaves.",
        7: "it plays seven octaves higher, above hearing: pitch_shift counts octaves.",
        -1: "it plays an octave lower: a fifth is 7 of the octave's 12 semitones.",
        2**right: "that is the factor of the frequency: pitch_shift is its exponent, in octaves.",
        -5 / 12: "five semitones are a fourth: a fifth has seven.",
        -5 / 8: "a fifth spans five white keys, but it has 7 of the octave's 12 semitones.",
    }
    for other, sentence in known.items():
        if abs(shift - other) < CENTS_5:
            return sentence
    return (
        f"it shifts the pitch by {12 * shift:+.1f} semitones: a fifth lower is -7, and an octave "
        "has 12."
    )


def _other_settings(values):
    decibels, autotune = values["loudness_shift"], values["autotune"]
    if decibels != -12:
        known = {
            12: "it plays louder instead of softer: check the sign of loudness_shift.",
            0.25: "loudness_shift is not a factor: it adds decibels.",
        }
        return known.get(decibels, f"the loudness changes by {decibels:+g} dB instead of -12.")
    if autotune != 1:
        if autotune == 100:
            return "autotune is a share from 0 to 1, not a percentage."
        return f"it moves {autotune:g} of the way to the nearest semitone: the whole way is 1."
    if not values.get("match", 1):
        return "without match, neither the register nor the loudness suits the violin."
    if not 0 <= values.get("quiet", 20) <= 60:
        return "quiet turns the rests down by that many decibels, from 0 to about 60."
    if not 0 <= values.get("note_threshold", 1) <= 2:
        return "with a note_threshold below 0 or above 2, every frame counts as a note, or none."
    return None


def lost(answer):
    """What loudness_shift = -12 does in Magenta's notebook of 2026: "no change"."""
    why = {
        "12 dB softer": "that is what the control promises. Run the next cell: it measures how "
        "much of the change reaches the network.",
        "more than 12 dB softer": "nothing on the way multiplies the change. Run the next cell: "
        "it measures how much of the change reaches the network.",
    }
    return hints.choice(answer, "no change", ("12 dB softer", "no change", *list(why)[1:]), why)


def faults(answer):
    """The fault in each of the sounds of `faulty`: {"A": "by ranks", ...}."""
    right = {"A": "by ranks", "B": "nothing", "C": "too low", "D": "two voices"}
    why = {
        "nothing": "something is wrong with it: compare it with the flute above.",
        "too low": "its notes are in the melody's register: it is neither low nor hoarse.",
        "two voices": "a second voice makes the tracker leap to other notes, but here each note "
        "stays on its pitch.",
        "by ranks": "with loudness matched by rank, steady notes would rattle many times a second.",
        "too loud": "if the loudness were too high, every note would be at full strength, without "
        "swells.",
        (
            "A",
            "too loud",
        ): "it isn't held at full strength: its loudness flickers within each note.",
        (
            "C",
            "two voices",
        ): "the melody has no leaps: listen to how low and hoarse it is.",
        ("D", "too low"): "most of it is not low: it leaps away from the melody, down and back up.",
        ("B", "by ranks"): "its notes swell smoothly, and nothing rattles.",
    }
    return hints.choices(answer, right, OPTIONS, why)


def faulty(violin, heard):
    """Return {"A": (n_samples,), ...}: 2.5 s of a melody on the violin, some with a fault.

    Args:
      violin: `instruments.Instrument`.
      heard: `features.Features` of 2.5 s or more, a single melody.
    """
    from ddsp_course import conditioning, features

    n = round(2.5 * FRAME_RATE)
    heard = dataclasses.replace(
        heard,
        audio=heard.audio[: n * HOP_SIZE],
        f0_hz=heard.f0_hz[:n],
        f0_confidence=heard.f0_confidence[:n],
        loudness_db=heard.loudness_db[:n],
        note_mask=None,
    )
    good = conditioning.adjust(heard, violin.statistics)
    # An organ's loudness is steady to hundredths of a decibel, but matching ranks magnifies those.
    ranks = np.random.default_rng(1).permutation(np.linspace(0, 1, int(good.note_mask.sum())))
    rattle = good.loudness_db.copy()
    rattle[good.note_mask] = np.quantile(violin.statistics.loudness_quantiles_db, ranks)
    low = dataclasses.replace(good, f0_hz=good.f0_hz / 4)
    second = violin.play(dataclasses.replace(good, f0_hz=good.f0_hz * 2 ** (4 / 12)))
    duet = heard.audio + second * np.sqrt(np.mean(heard.audio**2) / np.mean(second**2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the second voice
        misled = conditioning.adjust(features.extract(duet), violin.statistics)
    played = (dataclasses.replace(good, loudness_db=rattle), good, low, misled)
    return dict(zip("ABCD", map(violin.play, played), strict=True))


def _first_match(results, known, atol=1e-3, rtol=0.0):
    return hints.mistake(np.asarray(results), known, rtol, atol)


def _tone(f0_hz):
    """(n_samples,) -> a tone of a few harmonics that follows a pitch."""
    turns = np.cumsum(f0_hz) / SAMPLE_RATE
    return sum(0.2 / k * np.sin(2 * np.pi * k * turns) for k in (1, 2, 3))


def _before_and_after(before_hz, after_hz):
    """Play notes of 0.3 s before and after a change."""
    return np.concatenate([_tone(np.repeat(hz, 4800)) for hz in (before_hz, after_hz)])


def _octaves_heard(answer):
    bass, mean_pitch = _melodies()[2]
    return _before_and_after(bass, bass * 2.0 ** float(np.squeeze(answer(bass, mean_pitch))))


def _quiet_heard(answer):
    """A note, a rest with hiss, a note: as recorded, then with the rest 30 dB lower."""
    notes = np.repeat([True, False, True], 75)
    level_db = np.where(notes, -12.0, -30.0)
    sound = _tone(np.full(len(notes) * HOP_SIZE, 440.0)) * np.repeat(notes, HOP_SIZE)
    sound += 0.05 * np.random.default_rng(0).normal(size=len(sound))
    change_db = (
        np.squeeze(np.asarray(answer(level_db, notes, notes.astype(float), 30.0))) - level_db
    )
    return np.concatenate([sound, sound * np.repeat(10 ** (change_db / 20), HOP_SIZE)])


def _to_scale_heard(answer):
    """A siren from G to G, then the same siren pulled to a pentatonic scale."""
    siren = midi_to_hz(np.linspace(55, 79, 600))
    drawn = np.squeeze(np.asarray(answer(siren, [0, 2, 4, 7, 9], 1.0)))
    return np.concatenate([_tone(np.repeat(hz, HOP_SIZE)) for hz in (siren, drawn)])


def _settings_heard(answer):
    """The first 2.5 s of the course's flute on the violin, with these settings."""
    from ddsp_course import audio, transfer

    phrase = audio.load(_paths.ASSETS / "audio" / "phrase.ogg")[: round(2.5 * SAMPLE_RATE)]
    values = {name: float(np.squeeze(value)) for name, value in answer.items()}
    return transfer.timbre_transfer(phrase, "violin", **values)[0]


HEARD = {
    "octaves": _octaves_heard,
    "quiet": _quiet_heard,
    "to_scale": _to_scale_heard,
    "settings": _settings_heard,
}
