"""Exercises of notebooks/02_timbre_transfer/01_install_and_gin.ipynb: many answers are gin texts.

A second copy of gin reads them into its own table, so an answer neither sees nor changes the
notebook's settings.
"""

import functools
import re

import numpy as np

from ddsp_course._tensorflow import ddsp, tf
from ddsp_course.exercises import _gin, hints
from ddsp_course.units import SAMPLE_RATE

_PURE_HZ = (220.0, 275.0, 330.0)
FAULTS = ("nothing", "no function", "no scope", "not cleared")


def leak(answer):
    """A prediction: what note() plays after flute.gin and organ.gin, without clear_config."""
    right = "the organ, with the flute's pitch and vibrato"
    why = {
        "the organ": "parsing a text sets the arguments in it and leaves all others as they were. "
        "Run the next cell.",
        "the flute": "where both texts set the same argument, the later one wins. Run the next "
        "cell.",
        "nothing: an error": "setting an argument twice is not an error. Run the next cell.",
    }
    return hints.choice(answer, right, (right, *why), why)


def look_up(answer):
    """A function (table, scope, name, default) -> the value that gin gives the argument."""
    results = []
    for table, scope, name in _tables():
        result, wrong = hints.call(answer, dict(table), scope, name, -1.0)
        wrong = wrong or hints.one_number(result)
        if wrong:
            return wrong
        results.append(float(np.squeeze(result)))
    right = [_gins_rule(*case, -1.0) for case in _tables()]
    if results == right:
        return None
    for sentence, rule in _OTHER_RULES:
        if results == [rule(*case, -1.0) for case in _tables()]:
            return sentence
    at = next(i for i, result in enumerate(results) if result != right[i])
    table, scope, name = _tables()[at]
    return f"with the table {table}, {name} in the scope {scope!r} is {right[at]:g}."


def _first_of(table, keys, default):
    return next((table[key] for key in keys if key in table), default)


def _inner_to_outer(scope, name):
    """("a/b", "f.x") -> ["a/b/f.x", "a/f.x", "f.x"]."""
    parts = scope.split("/") if scope else []
    return ["/".join([*parts[:i], name]) for i in range(len(parts), -1, -1)]


def _gins_rule(table, scope, name, default):
    return _first_of(table, _inner_to_outer(scope, name), default)


def _whole_scope_alone(table, scope, name, default):
    return _first_of(table, _inner_to_outer(scope, name)[:1], default)


def _whole_scope_always(table, scope, name, default):
    return table.get(f"{scope}/{name}", default)


def _no_scopes(table, scope, name, default):
    return table.get(name, default)


def _without_scope_first(table, scope, name, default):
    return _first_of(table, [name, *_inner_to_outer(scope, name)], default)


def _outer_first(table, scope, name, default):
    return _first_of(table, [*_inner_to_outer(scope, name)[-2::-1], name], default)


def _last_part(table, scope, name, default):
    parts = scope.split("/")
    keys = ["/".join([*parts[i:], name]) for i in range(len(parts) + 1)]
    return _first_of(table, keys, default)


_ALONE = (
    "it looks up the whole scope alone: if that has no binding, gin looks in the outer scope, and "
    "then among the bindings without a scope."
)
_OTHER_RULES = [
    (_ALONE, _whole_scope_alone),
    (_ALONE, _whole_scope_always),
    ("it never looks into scopes.", _no_scopes),
    (
        "a binding without a scope wins over those with one: it should be the other way round.",
        _without_scope_first,
    ),
    (
        "the outer scope wins over the inner one: it should be the other way round.",
        _outer_first,
    ),
    (
        "it looks up the last part of a scope by itself: inside choir/low, low/note does not count.",
        _last_part,
    ),
    ("it always returns the default.", lambda table, scope, name, default: default),
]


@functools.cache
def _tables():
    """[(table, scope, name)], with nested scopes and with the value 0, which is a value too."""
    random = np.random.default_rng(8)
    scopes = ["", "low", "choir", "choir/low", "low/low", "choir/low/echo"]
    cases = [({"note.slope": 2.0, "low/note.slope": 0.0}, "low", "note.slope")]
    for _ in range(60):
        name = str(random.choice(["note.f0_hz", "note.slope", "pluck.decay"]))
        chosen = random.choice(scopes, random.integers(0, 5), replace=False)
        keys = [f"{scope}/{name}" if scope else name for scope in chosen]
        table = {key: float(random.integers(1, 500)) for key in keys}
        cases.append((table, str(random.choice(scopes)), name))
    return cases


def faults(answer):
    """The fault in each sound of `faulty`: {"A": "no function", ...}."""
    right = {"A": "no function", "B": "nothing", "C": "no scope", "D": "not cleared"}
    why = {
        "nothing": "it does not sound like the text: check the pitch, the brightness and the "
        "vibrato that each line asks for.",
        "no function": "a line without its function leaves a default: here that would be the "
        "bright tone of slope 1.",
        "no scope": "without scopes, both voices would play the same pitch: here there are two.",
        "not cleared": "an earlier text would leave something that this one does not mention.",
        ("C", "no function"): "the tone is dull, so slope is set. But you hear only one pitch.",
        ("C", "not cleared"): "nothing is left over from another text. But you hear only one "
        "pitch.",
        ("D", "no function"): "every line takes effect. But the voices have a vibrato, which no "
        "line asks for.",
    }
    return hints.choices(answer, right, FAULTS, why)


def faulty(tone):
    """Return {"A": (n_samples,), ...}: the exercise's text, played once rightly and thrice wrongly."""
    meant = {"seconds": 1.5, "slope": 2.0}
    low, high = meant | {"f0_hz": 220}, meant | {"f0_hz": 330}
    bright = {"seconds": 1.5}
    sways = {"vibrato_cents": 40}
    voices = {
        "A": [bright | {"f0_hz": 220}, bright | {"f0_hz": 330}],
        "B": [low, high],
        "C": [meant, meant],
        "D": [low | sways, high | sways],
    }
    return {name: sum(tone(**voice) for voice in both) for name, both in voices.items()}


def plucked(answer):
    """A text that makes `note()` play an octave below 440 Hz for 0.5 s, plucked, decay 0.1 s."""
    text, wrong = _text(answer)
    if wrong:
        return wrong
    played, wrong = _play(text, "note")
    if wrong:
        return wrong
    if not played:
        return (
            "it still sounds as if there were no text: write lines such as `note.argument = value`."
        )
    if "f0_hz" not in played:
        return "it still plays 440 Hz: nothing is bound to note.f0_hz."
    return (
        _one_number("note.f0_hz", played["f0_hz"])
        or hints.off_pitch(played["f0_hz"], 220.0)
        or _length(played.get("seconds", 1.0), 0.5)
        or _not_plucked(played.get("envelope"))
        or _unheard(played)
    )


def chord(answer):
    """A text that makes `chord()` play 220, 275 and 330 Hz, for 2 s each with a macro."""
    text, wrong = _text(answer)
    if wrong:
        return wrong
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
            f"all three voices play {heard[0]:.0f} Hz: give each voice its own scope, as in "
            "@low/note and low/note.f0_hz."
        )
    if len(notes) != 3:
        return (
            f"you hear {len(notes)} of the 3 voices: chord.voices takes a list with one reference "
            "for each."
        )
    for hz, right in zip(sorted(heard), _PURE_HZ, strict=True):
        wrong = hints.off_pitch(hz, right)
        if wrong:
            cents = 1200 * np.log2(hz / right)
            tempered = " That is a tempered third: a pure third is a factor of 5/4."
            return wrong + (tempered if right == 275 and 13 < cents < 15 else "")
    lengths = {note.get("seconds", 1.0) for note in notes}
    if len(lengths) > 1:
        return (
            "the voices do not end together: note.seconds without a scope applies to all of them."
        )
    return (
        _length(lengths.pop(), 2.0)
        or next(filter(None, map(_unheard, notes)), None)
        or _shared_length(text)
    )


def two_oscillators(answer):
    """A text for a ProcessorGroup that adds two Harmonics, at f0_hz and fifth_hz; 16 000 samples."""
    text, wrong = _text(answer)
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
        # Otherwise ddsp's own gin would answer, and it may hold an instrument's.
        gin.query_parameter("ProcessorGroup.dag")
        made = group()
        # Not called as a layer, because Keras would replace the error message with its own.
        sound = np.asarray(made.get_signal(made.get_controls(inputs)))
    except KeyError as error:
        asked = re.search(r"nested key '([^']*)'", str(error))
        return (
            f"a processor reads {asked[1] if asked else error}, which nothing before it has "
            f"written: the inputs are {', '.join(inputs)}, and a processor's output is its name "
            "followed by /signal."
        )
    # This runs a learner's text, which may raise anything.
    except Exception as error:  # noqa: BLE001
        message = _gin.first_line(error)
        if "ProcessorGroup" in message and "no bound parameters" in message:
            return "nothing is bound to ProcessorGroup.dag: the group has no processors."
        if "attribute name must be string" in message:
            return "a processor in the list has no parentheses: `@synths.Harmonic()` makes one."
        return f"it cannot be built and played. {_gin_says(message)}"
    kinds = [type(one).__name__ for one in made.processors]
    if kinds.count("Harmonic") == 1 and len(made.dag) > 2:
        return (
            "you hear the fifth alone, and twice as loud: both oscillators have the same name, so "
            "the second took the first one's place."
        )
    if kinds.count("Harmonic") < 2:
        return (
            f"the group has {kinds.count('Harmonic')} of the 2 oscillators: list a Harmonic for "
            "each pitch."
        )
    if sound.shape[-1] != SAMPLE_RATE:
        return f"it lasts {sound.shape[-1] / SAMPLE_RATE:g} s: Harmonic.n_samples should be 16000."
    one = ddsp.synths.Harmonic(n_samples=SAMPLE_RATE)
    low, high = (
        np.asarray(one(inputs["amps"], share, inputs[key])) for key in ("f0_hz", "fifth_hz")
    )
    known = {
        "you hear the root alone: the fifth is not added.": low,
        "you hear the fifth alone: the root is not added.": high,
        "you hear the root twice and no fifth: the second oscillator should read fifth_hz.": 2
        * low,
        "you hear the fifth twice and no root: the first oscillator should read f0_hz.": 2 * high,
    }
    return hints.mistake(sound, known, rtol=0, atol=1e-4) or hints.close(
        sound[0], (low + high)[0], rtol=0, atol=1e-4
    )


def _play(text, name):
    """Return (the arguments that the text binds, None) or (None, a hint)."""
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
            "harmonics": harmonics,
            "slope": slope,
            "vibrato_cents": vibrato_cents,
            "level": level,
        }
        return {key: value for key, value in given.items() if value is not None}

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
                "parentheses call the envelope before there is a time: pass the function itself to "
                "note, without them."
            )
        return None, _gin_says(_gin.first_line(error))


def _voices(played):
    """Return ([the arguments of each voice], a hint or None)."""
    if not played:
        return None, "it is silent: nothing is bound to chord.voices."
    if not all(isinstance(one, dict) for one in played):
        return None, "a voice is not a function: list references, such as @low/note."
    return played, None


def _shared_length(text):
    """Say whether no macro sets the length of all voices."""
    for line in text.splitlines():
        macro, equals, _ = line.partition("=")
        if equals and "." not in macro:
            played, wrong = _play(f"{text}\n{macro.strip()} = 0.75\n", "chord")
            if not wrong and all(note.get("seconds") == 0.75 for note in played):
                return None
    return (
        "it sounds right, but no macro sets the length: write `length = 2.0` and refer to it as "
        "%length."
    )


def _not_plucked(envelope):
    if envelope is None:
        return "it keeps its level to the end: it has no envelope."
    if not isinstance(envelope, tuple):
        return (
            f"the envelope is {envelope!r}, not a function: a reference begins with @ and has no "
            "quotes."
        )
    name, decay = envelope
    if name != "pluck":
        return "it swells when it should die away: use the other envelope."
    if abs(decay - 0.1) > 1e-6:
        how = "long" if decay > 0.1 else "short"
        return f"it rings too {how}: pluck.decay is {decay:g} s and should be 0.1."
    return None


def _length(seconds, right):
    wrong = _one_number("note.seconds", seconds)
    if wrong or abs(seconds - right) < 1e-6:
        return wrong
    return f"it lasts {seconds:g} s and should last {right:g}: note.seconds sets the length."


def _one_number(name, value):
    if isinstance(value, (int, float)):
        return None
    return f"{name} is {value!r}, which is not a number."


def _unheard(played):
    """Say whether other settings make a note silent, clipped or badly out of tune."""
    for name in ("harmonics", "slope", "vibrato_cents", "level"):
        wrong = name in played and _one_number(f"note.{name}", played[name])
        if wrong:
            return wrong
    if played.get("level", 1) <= 0 or played.get("harmonics", 1) < 1:
        return "it is silent: note.level has to be above 0 and note.harmonics at least 1."
    if played.get("level", 0) > 1:
        return "it clips: a note.level above 1 exceeds full scale."
    if abs(played.get("vibrato_cents", 0)) > 100:
        return "its vibrato is a siren: more than a semitone to each side hides the pitch."
    return None


def _gin_says(message):
    if "ast.Name" in message or "malformed node" in message:
        return (
            "a value is a number, a string in quotes, a list of these, a reference (@name) or a "
            "macro (%name): one of yours is none of them."
        )
    if "Expected newline" in message:
        return (
            "a line is `function.argument = value` and nothing more: gin does no arithmetic, and "
            "it needs an = sign, not a colon."
        )
    return f"gin says: {message}"


def _text(answer):
    """Return (a gin text, None) from a string or a list of lines; or (None, a hint)."""
    if isinstance(answer, str):
        return answer, None
    if isinstance(answer, np.ndarray) and answer.dtype.kind == "U" and answer.ndim:
        return "\n".join(answer.ravel()), None
    return None, "the answer should be a text: put it between triple quotes."


def _tone(
    f0_hz=440.0, seconds=1.0, harmonics=20, slope=1.0, vibrato_cents=0.0, level=0.3, envelope=None
):
    """The notebook's `tone`, with an envelope as `_play` returns it."""
    time = np.arange(round(SAMPLE_RATE * min(seconds, 10))) / SAMPLE_RATE
    sway = 2 ** (vibrato_cents * np.sin(2 * np.pi * 5.5 * time) / 1200)
    turns = np.cumsum(f0_hz * sway / SAMPLE_RATE)
    k = np.arange(1, int(harmonics) + 1)
    strength = np.where(k * f0_hz * sway.max() < SAMPLE_RATE / 2, 1.0 / k**slope, 0)
    wave = level * np.sin(2 * np.pi * turns[:, None] * k) @ strength / strength.sum()
    name, amount = envelope if isinstance(envelope, tuple) else ("", 0)
    if name == "pluck":
        wave = wave * np.exp(-time / amount)
    if name == "swell":
        wave = wave * np.clip(time / amount, 0, 1) ** 2
    return wave * np.clip(np.minimum(time, time[-1] - time) / 0.01, 0, 1)


def _note_heard(answer):
    return _tone(**_play(_text(answer)[0], "note")[0])


def _chord_heard(answer):
    return sum(_tone(**voice) for voice in _play(_text(answer)[0], "chord")[0]) / 2


HEARD = {"plucked": _note_heard, "chord": _chord_heard}
