"""Exercises of notebooks/02_timbre_transfer/01_install_and_gin.ipynb: answers are gin texts.

A text is read by a second copy of gin, with a table of its own, so that an answer neither sees nor
changes the notebook's settings.
"""

import re

import numpy as np

from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.exercises import _gin, hints
from ddsp_course.units import SAMPLE_RATE

_PURE_HZ = (220.0, 275.0, 330.0)


def plucked(text):
    """A text with which `note()` is an octave below 440 Hz, 0.5 s, plucked, decay 0.1 s."""
    played, wrong = _play(text, "note")
    if wrong:
        return wrong
    if not played:
        return "it still sounds as if there were no text: a line is `note.argument = value`."
    if "f0_hz" not in played:
        return "it still sounds at 440 Hz: nothing is bound to note.f0_hz."
    return (
        _one_number("note.f0_hz", played["f0_hz"])
        or hints.off_pitch(played["f0_hz"], 220.0)
        or _length(played.get("seconds", 1.0), 0.5)
        or _not_plucked(played.get("envelope"))
    )


def chord(text):
    """A text with which `chord()` plays 220, 275 and 330 Hz, 2 s each by a macro."""
    played, wrong = _play(text, "chord")
    if wrong:
        return wrong
    notes, wrong = _voices(played)
    if wrong:
        return wrong
    heard = [note.get("f0_hz", 440.0) for note in notes]
    for hz in heard:
        wrong = _one_number("note.f0_hz", hz)
        if wrong:
            return wrong
    if len(notes) == 3 and len(set(heard)) == 1:
        return (
            f"all three voices play {heard[0]:.0f} Hz: give each a scope of its own, as in "
            "@low/note and low/note.f0_hz."
        )
    if len(notes) != 3:
        return f"{len(notes)} of the 3 voices are heard."
    for hz, right in zip(sorted(heard), _PURE_HZ, strict=True):
        wrong = hints.off_pitch(hz, right)
        if wrong:
            cents = 1200 * np.log2(hz / right)
            tempered = " That is the tempered third: a pure one is a factor of 5/4."
            return wrong + (tempered if right == 275 and 13 < cents < 15 else "")
    lengths = {note.get("seconds", 1.0) for note in notes}
    if len(lengths) > 1:
        return "the voices do not end together: note.seconds without a scope counts for all."
    return _length(lengths.pop(), 2.0) or _shared_length(text)


def two_oscillators(text):
    """A text for a ProcessorGroup of two Harmonics, f0_hz and fifth_hz, added; 16 000 samples."""
    wrong = _no_text(text)
    if wrong:
        return wrong
    gin = _gin.of_its_own()
    group = gin.external_configurable(ddsp.processors.ProcessorGroup)
    for found in (ddsp.synths.Harmonic, ddsp.synths.FilteredNoise, ddsp.processors.Add):
        gin.external_configurable(found)
    frames, share = tf.ones([1, 250, 1]), -0.2 * tf.ones([1, 250, 1]) * tf.range(10.0)
    inputs = {
        "amps": -1.0 * frames,
        "harmonic_distribution": share,
        "f0_hz": 220.0 * frames,
        "fifth_hz": 330.0 * frames,
    }
    try:
        gin.parse_config(text)
        # Else ddsp's own gin would be asked, which may know an instrument's.
        gin.query_parameter("ProcessorGroup.dag")
        made = group()
        # Not called as a layer: Keras would put its own message in place of what is wrong.
        sound = np.asarray(made.get_signal(made.get_controls(inputs)))
    except KeyError as error:
        asked = re.search(r"nested key '([^']*)'", str(error))
        return (
            f"a processor reads {asked[1] if asked else error}, which nobody has written before "
            f"it: the inputs are {', '.join(inputs)}, and what a processor plays is its name, and "
            "/signal."
        )
    # A learner's text runs here: what it sets off is of any kind, and is told.
    except Exception as error:  # noqa: BLE001
        message = _gin.first_line(error)
        if "ProcessorGroup" in message and "no bound parameters" in message:
            return "nothing is bound to ProcessorGroup.dag: the group has no processors."
        if "attribute name must be string" in message:
            return "a processor stands in the list without parentheses: `@synths.Harmonic()` makes one."
        return f"it cannot be built and played: {message}"
    kinds = [type(one).__name__ for one in made.processors]
    if kinds.count("Harmonic") == 1 and len(made.dag) > 2:
        return (
            "you hear the fifth alone, and twice as loud: both oscillators have the same name, so "
            "that the second took the first one's place."
        )
    if kinds.count("Harmonic") < 2:
        return f"{kinds.count('Harmonic')} of the 2 oscillators are there."
    if sound.shape[-1] != SAMPLE_RATE:
        return f"it lasts {sound.shape[-1] / SAMPLE_RATE:g} s: Harmonic.n_samples should be 16000."
    one = ddsp.synths.Harmonic(n_samples=SAMPLE_RATE)
    low, high = (
        np.asarray(one(inputs["amps"], share, inputs[key])) for key in ("f0_hz", "fifth_hz")
    )
    known = {
        "the root alone is heard: the fifth is not added.": low,
        "the fifth alone is heard: the root is not added.": high,
        "the root is heard twice, and no fifth: the second should read fifth_hz.": 2 * low,
        "the fifth is heard twice, and no root: the first should read f0_hz.": 2 * high,
    }
    return hints.mistake(sound, known, rtol=0, atol=1e-4) or hints.close(
        sound[0], (low + high)[0], rtol=0, atol=1e-4
    )


def _play(text, name):
    """Return (what a function was called with, by the text, None) or (None, a hint)."""
    wrong = _no_text(text)
    if wrong:
        return None, wrong
    gin = _gin.of_its_own()

    @gin.register
    def pluck(time, decay=0.25):
        return "pluck", decay

    @gin.register
    def swell(time, rise=0.6):
        return "swell", rise

    @gin.configurable
    def note(
        f0_hz=None,
        seconds=None,
        harmonics=None,
        slope=None,
        vibrato_cents=None,
        level=None,
        envelope=None,
    ):
        given = {
            "f0_hz": f0_hz,
            "seconds": seconds,
            "envelope": envelope(0.0) if callable(envelope) else envelope,
            "others": (harmonics, slope, vibrato_cents, level),
        }
        return {key: value for key, value in given.items() if value not in (None, (None,) * 4)}

    @gin.configurable
    def chord(voices=()):
        return [voice() if callable(voice) else voice for voice in voices]

    try:
        gin.parse_config(text)
        return {"note": note, "chord": chord}[name](), None
    # As above.
    except Exception as error:  # noqa: BLE001
        if "pluck() missing" in str(error) or "swell() missing" in str(error):
            return None, (
                "with parentheses the envelope is called before there is a time: note wants the "
                "function itself, without them."
            )
        return None, f"gin says: {_gin.first_line(error)}"


def _voices(played):
    """Return ([what each voice was called with], a hint or None)."""
    if not played:
        return None, "it is silent: nothing is bound to chord.voices."
    if not all(isinstance(one, dict) for one in played):
        return None, "a voice is not a function: in the list stand references, such as @low/note."
    return played, None


def _shared_length(text):
    """Say whether there is no macro that moves the length of all voices."""
    for line in text.splitlines():
        macro, equals, _ = line.partition("=")
        if equals and "." not in macro:
            played, wrong = _play(f"{text}\n{macro.strip()} = 0.75\n", "chord")
            if not wrong and all(note.get("seconds") == 0.75 for note in played):
                return None
    return "it sounds right, but no macro sets the length: a line `length = 2.0`, and %length."


def _not_plucked(envelope):
    if envelope is None:
        return "it holds on evenly to its end: it has no envelope."
    if not isinstance(envelope, tuple):
        return (
            f"the envelope is {envelope!r}, and not a function: a reference begins with @, "
            "without quotes."
        )
    name, decay = envelope
    if name != "pluck":
        return "it swells where it should die away: the envelope is another."
    if abs(decay - 0.1) > 1e-6:
        how = "long" if decay > 0.1 else "short"
        return f"it rings too {how}: pluck.decay is {decay:g} s, and should be 0.1."
    return None


def _length(seconds, right):
    wrong = _one_number("note.seconds", seconds)
    if wrong or abs(seconds - right) < 1e-6:
        return wrong
    return f"it lasts {seconds:g} s, and should last {right:g}."


def _one_number(name, value):
    if isinstance(value, (int, float)):
        return None
    return f"{name} is {value!r}, and not a number."


def _no_text(text):
    if isinstance(text, str):
        return None
    return "a text is asked for: put it between three quotes."
